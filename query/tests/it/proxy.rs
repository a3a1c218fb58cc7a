//! A proxy on loopback, in front of the emulator, that goes wrong as planned.
//!
//! In: HTTP/1.1 requests, and a plan: which requests of which kind meet which fault. Out: what the emulator answers, or
//! the fault; and counts of both. Which request of a kind meets a fault depends on its number and the seed alone.
//! `Host` is passed on as it is, since signatures cover it.

use crate::dice::mix;
use crate::http::Message;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// A page of the listing of the source.
    ListSource,
    /// A log object.
    GetSource,
    /// A page of a listing of the lake.
    ListLake,
    /// Something of the log of a table.
    GetLog,
    /// A data file, or a part of one.
    GetData,
    /// A data file.
    PutData,
    /// A version of a table: a conditional PUT.
    PutCommit,
    /// Anything else: a checkpoint, a HEAD.
    Other,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fault {
    /// 503 `SlowDown`; nothing is done.
    SlowDown,
    /// 429; nothing is done.
    Throttled,
    /// 500 `InternalError`; nothing is done.
    Internal,
    /// 409 `ConditionalRequestConflict`; nothing is done.
    Conflict,
    /// Nothing is done, and nothing is answered.
    Silence,
    /// Nothing is done, and the connection is reset.
    ResetBefore,
    /// The connection is reset in the middle of the body.
    ResetInBody,
    /// The connection is closed, in good order, in the middle of the body.
    CutShort,
    /// Half of the body comes, with a `Content-Length` that fits.
    Shortened,
    /// A bit of the body is flipped, and no checksum tells.
    Corrupted,
    /// The same, with the checksum of the true body.
    CorruptedChecked,
    /// The answer comes twice.
    AnsweredTwice,
    /// The request is done twice, and answered with what the second came to.
    SentTwice,
    /// It is done, and the connection is reset instead of an answer.
    LostResponse,
    /// It is done, and the answer is 503: who tries again meets the own write.
    DoneThen503,
}

/// Which requests of a kind meet a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// Those with these numbers, counted from 1.
    At([u64; 2]),
    /// About one in so many.
    OneIn(u64),
    /// All whose target holds this.
    Always(&'static str),
}

/// Requests of `kind` meet `fault`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) kind: Kind,
    pub(crate) fault: Fault,
    pub(crate) when: When,
}

/// What was asked for, and what went wrong.
#[derive(Clone, Default, Debug)]
pub(crate) struct Counts {
    pub(crate) requests: BTreeMap<Kind, u64>,
    pub(crate) faults: BTreeMap<(Kind, Fault), u64>,
}

/// A running proxy; it takes no more connections when this is dropped.
pub(crate) struct Proxy {
    endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    seed: u64,
    rules: Vec<Rule>,
    counts: Mutex<Counts>,
    is_over: AtomicBool,
}

impl Proxy {
    /// Starts one in front of `upstream`, which is `http://host:port`.
    pub(crate) fn start(upstream: &str, seed: u64, rules: Vec<Rule>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
        let (counts, is_over) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { upstream, seed, rules, counts, is_over });
        let ours = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if ours.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&ours);
                // A connection that breaks is what this is about.
                std::thread::spawn(move || shared.serve(&client).unwrap_or_default());
            }
        });
        Self { endpoint, shared }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn counts(&self) -> Counts {
        self.shared.counts.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.endpoint.trim_start_matches("http://"));
    }
}

impl Shared {
    /// Answers what comes over one connection.
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut reader = BufReader::new(client);
        while let Some(request) = Message::read(&mut reader, true)? {
            let (fault, chance) = self.fault_for(&request);
            let Some(answer) = self.answer(&request, fault, chance)? else {
                return abandon(client, fault);
            };
            let mut writer = client;
            writer.write_all(&answer.bytes)?;
            writer.flush()?;
            if let Some(end) = answer.ends_with {
                return abandon(client, Some(end));
            }
        }
        Ok(())
    }

    /// The fault that this request meets, and a number to draw from.
    fn fault_for(&self, request: &Message) -> (Option<Fault>, u64) {
        let kind = kind(request);
        let mut counts = self.counts.lock().unwrap();
        let number = counts.requests.entry(kind).or_default();
        *number += 1;
        let number = *number;
        for (at, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.kind == kind) {
            let chance = mix(self.seed ^ mix(number << 8 | at as u64));
            let is_met = match rule.when {
                When::At(which) => which.contains(&number),
                When::OneIn(many) => chance.is_multiple_of(many),
                When::Always(target) => request.target().contains(target),
            };
            if is_met {
                *counts.faults.entry((kind, rule.fault)).or_default() += 1;
                return (Some(rule.fault), mix(chance));
            }
        }
        (None, 0)
    }

    /// What to send back; `None` for nothing.
    fn answer(&self, request: &Message, fault: Option<Fault>, chance: u64) -> io::Result<Option<Answer>> {
        let refusal = match fault {
            Some(Fault::SlowDown | Fault::DoneThen503) => Some(refuse("503 Slow Down", "SlowDown")),
            Some(Fault::Throttled) => Some(refuse("429 Too Many Requests", "SlowDown")),
            Some(Fault::Internal) => Some(refuse("500 Internal Server Error", "InternalError")),
            Some(Fault::Conflict) => Some(refuse("409 Conflict", "ConditionalRequestConflict")),
            _ => None,
        };
        let is_done = !matches!(fault, Some(Fault::Silence | Fault::ResetBefore));
        if !is_done || (refusal.is_some() && fault != Some(Fault::DoneThen503)) {
            return Ok(refusal);
        }
        let mut response = self.forward(request)?;
        Ok(match fault {
            Some(Fault::LostResponse) => None,
            Some(Fault::DoneThen503) => refusal,
            Some(Fault::SentTwice) => Some(Answer::whole(self.forward(request)?.bytes())),
            Some(Fault::AnsweredTwice) => Some(Answer::whole([response.bytes(), response.bytes()].concat())),
            Some(Fault::ResetInBody | Fault::CutShort) => {
                response.body.truncate(response.body.len() / 2);
                Some(Answer { bytes: response.bytes(), ends_with: fault })
            }
            Some(Fault::Shortened) => Some(Answer::whole(response.without_checksums().halved().bytes())),
            Some(Fault::Corrupted) => {
                Some(Answer::whole(response.without_checksums().flipped(chance).bytes()))
            }
            Some(Fault::CorruptedChecked) => Some(Answer::whole(response.flipped(chance).bytes())),
            _ => Some(Answer::whole(response.bytes())),
        })
    }

    fn forward(&self, request: &Message) -> io::Result<Message> {
        let upstream = TcpStream::connect(&self.upstream)?;
        upstream.set_nodelay(true)?;
        (&upstream).write_all(&request.bytes())?;
        let has_body = request.method() != "HEAD";
        let response = Message::read(&mut BufReader::new(&upstream), has_body)?;
        response.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// What goes back to the client.
struct Answer {
    bytes: Vec<u8>,
    /// The connection does not outlive it.
    ends_with: Option<Fault>,
}

impl Answer {
    fn whole(bytes: Vec<u8>) -> Self {
        Self { bytes, ends_with: None }
    }
}

fn refuse(status: &str, code: &str) -> Answer {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>planned</Message></Error>");
    let length = body.len();
    let head = "Content-Type: application/xml\r\nContent-Length";
    Answer::whole(format!("HTTP/1.1 {status}\r\n{head}: {length}\r\n\r\n{body}").into_bytes())
}

/// Ends a connection as `fault` has it.
fn abandon(client: &TcpStream, fault: Option<Fault>) -> io::Result<()> {
    match fault {
        Some(Fault::Silence) => {
            client.set_read_timeout(Some(Duration::from_mins(2)))?;
            let mut reader = client;
            reader.read(&mut [0; 1]).map(drop)
        }
        Some(Fault::CutShort) => client.shutdown(Shutdown::Both),
        // Closed without having lingered, a connection is reset.
        _ => socket2::SockRef::from(client).set_linger(Some(Duration::ZERO)),
    }
}

fn kind(request: &Message) -> Kind {
    let target = request.target();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (is_list, is_log) = (query.contains("list-type=2"), path.contains("/_delta_log/"));
    let is_source = path.starts_with("/logs");
    match request.method().as_str() {
        "GET" if is_list && is_source => Kind::ListSource,
        "GET" if is_source => Kind::GetSource,
        "GET" if is_list => Kind::ListLake,
        "GET" if is_log => Kind::GetLog,
        "GET" => Kind::GetData,
        "PUT" if is_log && request.header("if-none-match").is_some() => Kind::PutCommit,
        "PUT" if !is_log => Kind::PutData,
        _ => Kind::Other,
    }
}
