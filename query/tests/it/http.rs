//! One HTTP/1.1 message, read, taken apart, damaged and written again.

use std::io::{self, BufRead, Read};

/// A request or a response.
pub(crate) struct Message {
    /// Everything up to the empty line, with it.
    head: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Reads one; `None` at the end of the connection. Chunks are put together.
    pub(crate) fn read(reader: &mut impl BufRead, has_body: bool) -> io::Result<Option<Self>> {
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
            message = message.without("transfer-encoding").with_length();
        } else if has_body {
            let length = message.header("content-length").map_or(0, |text| text.parse().unwrap_or(0));
            message.body = vec![0; length];
            reader.read_exact(&mut message.body)?;
        }
        Ok(Some(message))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head.as_slice(), &self.body].concat()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let mut headers = text.lines().filter_map(|line| line.split_once(':'));
        headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    }

    /// Of a request.
    pub(crate) fn method(&self) -> String {
        self.text().split(' ').next().unwrap_or_default().to_owned()
    }

    /// Path and query of a request.
    pub(crate) fn target(&self) -> String {
        self.text().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Without the headers whose name begins with `prefix`.
    fn without(mut self, prefix: &str) -> Self {
        let is_kept = |line: &&str| !line.to_ascii_lowercase().starts_with(prefix);
        self.head = self.text().split_inclusive('\n').filter(is_kept).collect::<String>().into_bytes();
        self
    }

    fn with_length(self) -> Self {
        let mut message = self.without("content-length");
        let length = format!("Content-Length: {}\r\n\r\n", message.body.len());
        message.head.splice(message.head.len() - 2.., length.into_bytes());
        message
    }

    pub(crate) fn without_checksums(self) -> Self {
        self.without("x-amz-checksum")
    }

    /// With half of the body, and a length that fits.
    pub(crate) fn halved(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self.with_length()
    }

    /// With a bit flipped in the second half of the body: the head of a gzip file has bytes that nobody reads.
    pub(crate) fn flipped(mut self, chance: u64) -> Self {
        let half = self.body.len() / 2;
        let at = half + usize::try_from(chance).unwrap() % half.max(1);
        if let Some(byte) = self.body.get_mut(at) {
            *byte ^= 1 << (chance >> 61);
        }
        self
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
