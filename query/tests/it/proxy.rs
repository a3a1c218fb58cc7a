//! A proxy on loopback, in front of the emulator, that goes wrong as planned.
//!
//! In: HTTP/1.1 requests, and a plan: which kind of request meets which fault, and how often. Out: what the emulator
//! answers, or the fault; and counts of both. Which request of a kind meets a fault depends on its number and the seed
//! alone. `Host` is passed on as it is, since signatures cover it.

use crate::dice::mix;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// A page of the listing of a bucket.
    List,
    /// A log object.
    GetLog,
    /// Anything of the lake.
    GetLake,
    /// A data file.
    PutData,
    /// A version of a table: a conditional PUT.
    Commit,
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
    Stall,
    /// Nothing is done, and the connection is reset.
    ResetBefore,
    /// The connection is reset in the middle of the body.
    ResetInBody,
    /// The body ends early: there is less of it than `Content-Length` says.
    Truncated,
    /// A bit of the body is flipped, and no checksum tells.
    Corrupted,
    /// The same, with the checksum of the true body.
    CorruptedChecked,
    /// The answer comes twice.
    Duplicated,
    /// It is done, and the connection is reset instead of an answer.
    LostResponse,
    /// It is done, and the answer is 503: who tries again meets the own write.
    DoneThen503,
}

/// Requests of `kind` whose target holds `target` meet `fault`: about one in `one_in`, `most` times at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) kind: Kind,
    pub(crate) fault: Fault,
    pub(crate) one_in: u64,
    pub(crate) most: u64,
    pub(crate) target: &'static str,
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
        let kind = request.kind();
        let mut counts = self.counts.lock().unwrap();
        let number = counts.requests.entry(kind).or_default();
        *number += 1;
        let number = *number;
        for (at, rule) in self.rules.iter().enumerate() {
            let chance = mix(self.seed ^ mix(number << 8 | at as u64));
            let met = counts.faults.get(&(kind, rule.fault)).copied().unwrap_or(0);
            let applies = rule.kind == kind && request.target().contains(rule.target) && met < rule.most;
            if applies && chance.is_multiple_of(rule.one_in) {
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
        let is_done = !matches!(fault, Some(Fault::Stall | Fault::ResetBefore));
        if !is_done || (refusal.is_some() && fault != Some(Fault::DoneThen503)) {
            return Ok(refusal);
        }
        let response = self.forward(request)?;
        Ok(match fault {
            Some(Fault::LostResponse) => None,
            Some(Fault::DoneThen503) => refusal,
            Some(Fault::Duplicated) => Some(Answer::whole([response.bytes(), response.bytes()].concat())),
            Some(Fault::ResetInBody | Fault::Truncated) => {
                let cut = response.head.len() + response.body.len() / 2;
                let bytes = response.bytes()[..cut].to_vec();
                Some(Answer { bytes, ends_with: fault })
            }
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
        let has_body = !request.head.starts_with(b"HEAD ");
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
    Answer::whole(
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

/// Ends a connection as `fault` has it.
fn abandon(client: &TcpStream, fault: Option<Fault>) -> io::Result<()> {
    match fault {
        Some(Fault::Stall) => {
            client.set_read_timeout(Some(Duration::from_mins(2)))?;
            let mut reader = client;
            reader.read(&mut [0; 1]).map(drop)
        }
        Some(Fault::Truncated) => client.shutdown(std::net::Shutdown::Both),
        _ => socket2::SockRef::from(client).set_linger(Some(Duration::ZERO)),
    }
}

/// A request or a response.
struct Message {
    /// Everything up to the empty line, with it.
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Message {
    /// Reads one; `None` at the end of the connection. Chunks are put together.
    fn read(reader: &mut impl BufRead, has_body: bool) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        loop {
            let before = head.len();
            if reader.read_until(b'\n', &mut head)? == 0 {
                return Ok(None);
            }
            if head[before..] == *b"\r\n" {
                break;
            }
        }
        let mut message = Self { head, body: vec![] };
        if message.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            message.body = read_chunks(reader)?;
            message = message.without("transfer-encoding");
            let length = format!("Content-Length: {}\r\n\r\n", message.body.len());
            message.head.splice(message.head.len() - 2.., length.into_bytes());
        } else if has_body {
            let length = message.header("content-length").map_or(0, |text| text.parse().unwrap_or(0));
            message.body = vec![0; length];
            reader.read_exact(&mut message.body)?;
        }
        Ok(Some(message))
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_slice(), &self.body].concat()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let mut headers = text.lines().filter_map(|line| line.split_once(':'));
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    }

    /// Without the headers whose name begins with `prefix`.
    fn without(mut self, prefix: &str) -> Self {
        let is_kept = |line: &&str| !line.to_ascii_lowercase().starts_with(prefix);
        self.head = self.text().split_inclusive('\n').filter(is_kept).collect::<String>().into_bytes();
        self
    }

    fn without_checksums(self) -> Self {
        self.without("x-amz-checksum")
    }

    /// With a bit flipped in the second half of the body: the head of a gzip file has bytes that nobody reads.
    fn flipped(mut self, chance: u64) -> Self {
        let half = self.body.len() / 2;
        let at = half + usize::try_from(chance).unwrap() % half.max(1);
        if let Some(byte) = self.body.get_mut(at) {
            *byte ^= 1 << (chance >> 61);
        }
        self
    }

    /// Path and query of a request.
    fn target(&self) -> String {
        self.text().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    fn kind(&self) -> Kind {
        let target = self.target();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let is_commit = path.contains("/_delta_log/") && path.strip_suffix(".json").is_some();
        match self.text().split(' ').next() {
            Some("GET") if query.contains("list-type=2") => Kind::List,
            Some("GET") if path.starts_with("/logs/") => Kind::GetLog,
            Some("GET" | "HEAD") if path.starts_with("/lake/") => Kind::GetLake,
            Some("PUT") if is_commit => Kind::Commit,
            Some("PUT") => Kind::PutData,
            _ => Kind::Other,
        }
    }
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        reader.by_ref().take(size).read_to_end(&mut body)?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}
