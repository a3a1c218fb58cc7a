//! A function as AWS Lambda runs it: a process that asks a Runtime API for events.

use crate::http::Message;
use serde_json::Value;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// An event, and how long its call may take by what the function is told.
type Call = (Value, Duration);

/// A function that waits for events; it is stopped when this is dropped.
pub(crate) struct Function {
    process: Child,
    calls: Sender<Call>,
    answers: Receiver<Result<Value, Value>>,
}

impl Function {
    /// Starts `command` as Lambda would, with so many MB.
    pub(crate) fn start(command: &mut Command, memory: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (calls, waiting) = channel();
        let (said, answers) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (waiting, said) = (Arc::clone(&waiting), said.clone());
                std::thread::spawn(move || serve(&connection.unwrap(), &waiting, &said));
            }
        });
        let process = command
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "trailhound")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.to_string())
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .spawn()
            .unwrap();
        Self { process, calls, answers }
    }

    /// Of its process.
    #[allow(dead_code, reason = "only the benchmark asks")]
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What the function answers, or the error that it reports.
    pub(crate) fn call(&self, event: Value) -> Result<Value, Value> {
        self.call_for(event, Duration::from_mins(1))
    }

    /// The same with a deadline so far away.
    pub(crate) fn call_for(&self, event: Value, time: Duration) -> Result<Value, Value> {
        self.calls.send((event, time)).unwrap();
        self.answers.recv_timeout(PATIENCE).unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers one connection: a GET waits for an event, a POST brings an answer. Ends with the connection.
fn serve(connection: &TcpStream, calls: &Mutex<Receiver<Call>>, said: &Sender<Result<Value, Value>>) {
    let mut reader = BufReader::new(connection);
    let mut writer = connection;
    while let Ok(Some(request)) = Message::read(&mut reader, true) {
        let target = request.target();
        let response = if request.method() == "GET" {
            let Ok((event, time)) = calls.lock().unwrap().recv() else { return };
            next(&event, time)
        } else {
            let body = serde_json::from_slice(&request.body).unwrap();
            let answer = if target.ends_with("/response") { Ok(body) } else { Err(body) };
            if said.send(answer).is_err() {
                return;
            }
            b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_vec()
        };
        if writer.write_all(&response).is_err() {
            return;
        }
    }
}

/// The event, and what the Runtime API says about it (API version 2018-06-01).
fn next(event: &Value, time: Duration) -> Vec<u8> {
    let body = event.to_string();
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + time;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Lambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: {}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:111122223333:function:trailhound\r\n\r\n",
        body.len(),
        deadline.as_millis()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}
