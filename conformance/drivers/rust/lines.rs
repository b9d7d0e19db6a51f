//! Lines: words between tabs, `%XX` for what a line may not hold as it is.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use enos_runtime::{Error, ErrorKind};

/// What a verb gives.
pub(crate) enum Said {
    /// Its results.
    Ok(Vec<String>),
    /// The SDK's error.
    Err(Error),
}

impl Said {
    /// Nothing to tell but that it went well.
    pub(crate) fn done() -> Self {
        Self::Ok(Vec::new())
    }

    /// A request that the protocol does not know: a fault of the scenario.
    pub(crate) fn misuse(text: impl Into<String>) -> Self {
        Self::Err(Error::new(ErrorKind::Internal, text))
    }

    fn words(&self) -> Vec<String> {
        match self {
            Self::Ok(results) => std::iter::once("ok".to_owned()).chain(results.iter().cloned()).collect(),
            Self::Err(error) => std::iter::once("err".to_owned()).chain(error_words(error)).collect(),
        }
    }
}

impl<T> From<Result<T, Error>> for Said {
    fn from(result: Result<T, Error>) -> Self {
        match result {
            Ok(_) => Self::done(),
            Err(error) => Self::Err(error),
        }
    }
}

/// An error as words: kind, hub code, retryable, message.
pub(crate) fn error_words(error: &Error) -> [String; 4] {
    [
        error.kind.number().to_string(),
        error.hub_code.to_string(),
        error.retryable.to_string(),
        error.message.clone(),
    ]
}

/// Standard output, one whole line at a time.
#[derive(Default)]
pub(crate) struct Out(Mutex<()>);

impl Out {
    pub(crate) fn answer(&self, id: &str, said: &Said) {
        self.line(id, &said.words());
    }

    pub(crate) fn event(&self, words: &[String]) {
        self.line("*", words);
    }

    fn line(&self, first: &str, words: &[String]) {
        let mut line = first.to_owned();
        for word in words {
            line.push('\t');
            line.extend(word.chars().map(encode));
        }
        line.push('\n');
        let _whole = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stdout = std::io::stdout().lock();
        // If nobody reads any more, the end of the input follows.
        let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    }
}

fn encode(c: char) -> String {
    match c {
        '%' | '\t' | '\n' | '\r' => format!("%{:02X}", u32::from(c)),
        c => c.to_string(),
    }
}

/// One word; `None` if it is no percent-encoded UTF-8.
pub(crate) fn decode(word: &str) -> Option<String> {
    let mut bytes = word.bytes();
    let mut out = Vec::with_capacity(word.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}
