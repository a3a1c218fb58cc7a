//! A server on loopback that takes what is posted to it, and answers as planned.

use crate::http::Message;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What SNS says when it has taken a message.
const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
    <MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult></PublishResponse>";

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status line, a header or none, and a body.
    Say(&'static str, &'static str, String),
    /// It is taken, after a while.
    Slow(Duration),
    /// Nothing is said until the server is gone.
    Hang,
    /// The connection is closed.
    Close,
}

impl Answer {
    pub(crate) fn status(line: &'static str) -> Self {
        Self::Say(line, "", String::new())
    }

    /// What SNS says when it refuses.
    pub(crate) fn sns(line: &'static str, code: &str) -> Self {
        let body = format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>planned</Message></Error></ErrorResponse>"
        );
        Self::Say(line, "", body)
    }
}

#[derive(Default)]
struct State {
    /// Bodies, with the headers that matter.
    taken: Vec<Request>,
    /// Answers to the next requests.
    next: VecDeque<Answer>,
    /// The answer to all others, if they are not just taken.
    always: Option<Answer>,
    is_over: bool,
}

/// A request that came, whatever it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: String,
    pub(crate) kind: String,
    pub(crate) key: Option<String>,
    pub(crate) body: String,
    is_taken: bool,
}

/// The server; its connections end when it is dropped.
pub(crate) struct Sink {
    address: String,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::<(Mutex<State>, Condvar)>::default();
        let ours = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if ours.0.lock().unwrap().is_over {
                    return;
                }
                let shared = Arc::clone(&ours);
                std::thread::spawn(move || serve(&client, &shared).unwrap_or_default());
            }
        });
        Self { address, shared }
    }

    /// A URL of it, with a secret.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/services/T0/{SECRET}", self.address)
    }

    /// Where SNS is, if it is this.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next requests in this way, and then all others.
    pub(crate) fn plan(&self, next: impl IntoIterator<Item = Answer>, always: Option<Answer>) {
        let mut state = self.shared.0.lock().unwrap();
        (state.next, state.always) = (next.into_iter().collect(), always);
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.0.lock().unwrap().taken.clone()
    }

    /// The bodies that were taken, as JSON.
    pub(crate) fn documents(&self) -> Vec<Value> {
        let requests = self.requests().into_iter().filter(|request| request.is_taken);
        requests.map(|request| serde_json::from_str(&request.message()).unwrap()).collect()
    }

    /// Waits until so many requests came.
    pub(crate) fn wait_for(&self, count: usize) {
        let (state, changed) = &*self.shared;
        let is_less = |state: &mut State| state.taken.len() < count;
        let waited = changed.wait_timeout_while(state.lock().unwrap(), Duration::from_mins(1), is_less);
        assert!(!waited.unwrap().1.timed_out(), "there are no {count} requests");
    }
}

/// Part of the URL.
pub(crate) const SECRET: &str = "xyzzy-1a2b3c";

impl Request {
    /// A form, as SNS gets it.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        let pairs = url::form_urlencoded::parse(self.body.as_bytes());
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    /// What was sent, whatever way.
    pub(crate) fn message(&self) -> String {
        if self.kind.contains("form") { self.form()["Message"].clone() } else { self.body.clone() }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.0.lock().unwrap().is_over = true;
        self.shared.1.notify_all();
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(client: &TcpStream, shared: &(Mutex<State>, Condvar)) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client);
    let mut writer = client;
    while let Some(message) = Message::read(&mut reader, true)? {
        let answer = note(&message, shared);
        let (line, header, body) = match answer {
            Some(Answer::Say(line, header, body)) => (line, header, body),
            Some(Answer::Close) => return Ok(()),
            Some(Answer::Hang) => {
                let _over = shared.1.wait_while(shared.0.lock().unwrap(), |state| !state.is_over);
                return Ok(());
            }
            Some(Answer::Slow(pause)) => {
                std::thread::sleep(pause);
                ("200 OK", "", PUBLISHED.to_owned())
            }
            None => ("200 OK", "", PUBLISHED.to_owned()),
        };
        let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
        let head = format!("HTTP/1.1 {line}\r\n{header}Content-Length: {}\r\n\r\n", body.len());
        writer.write_all([head, body].concat().as_bytes())?;
    }
    Ok(())
}

fn note(message: &Message, shared: &(Mutex<State>, Condvar)) -> Option<Answer> {
    let mut state = shared.0.lock().unwrap();
    let answer = state.next.pop_front().or_else(|| state.always.clone());
    let is_taken = matches!(answer, None | Some(Answer::Slow(_)));
    let header = |name: &str| message.header(name);
    state.taken.push(Request {
        target: message.target(),
        kind: header("content-type").unwrap_or_default(),
        key: header("idempotency-key"),
        body: String::from_utf8(message.body.clone()).unwrap(),
        is_taken,
    });
    shared.1.notify_all();
    answer
}

/// Whether `what` is over within `most`.
pub(crate) fn is_within(began: Instant, most: u64) -> bool {
    began.elapsed() < Duration::from_secs(most)
}
