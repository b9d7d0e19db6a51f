//! A driver's process and the line protocol it speaks (`drivers/README.md`).

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::peer::child::{Child, Silence};

/// Longest wait for the first line and for the end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Events that may wait to be asked for.
const EVENTS: usize = 10_000;

/// The answer to a verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It went well; its results.
    Ok(Vec<String>),
    /// It failed.
    Err(Failure),
}

/// An error as a driver tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The error table's number.
    pub kind: String,
    /// The hub's code; 0 if none.
    pub hub_code: String,
    /// `true` or `false`.
    pub retryable: String,
    /// The text for people.
    pub message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "kind {}, hub code {}, retryable {}: {}",
            self.kind, self.hub_code, self.retryable, self.message
        )
    }
}

/// A request that was sent and whose answer is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending(u64);

/// A running driver; dropping it kills it.
#[derive(Debug)]
pub struct Driver {
    child: Child,
    next: u64,
    answers: VecDeque<(u64, Answer)>,
    events: VecDeque<Vec<String>>,
    lives: BTreeMap<String, Vec<String>>,
    language: String,
    verbs: Vec<String>,
}

impl Driver {
    /// Starts a driver and asks who it is.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = Child::start("the driver", command)?;
        let (answers, events) = (VecDeque::new(), VecDeque::new());
        let (lives, language, verbs) = (BTreeMap::new(), String::new(), Vec::new());
        let mut driver = Self { child, next: 1, answers, events, lives, language, verbs };
        match driver.ask(&["hello".to_owned()], Instant::now() + PATIENCE)? {
            Answer::Ok(told) if told.len() > 1 => {
                driver.language = told.first().cloned().unwrap_or_default();
                driver.verbs = told.into_iter().skip(1).collect();
                Ok(driver)
            }
            other => Err(io::Error::other(format!("the driver answers hello with {other:?}"))),
        }
    }

    /// The language it drives.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Whether it knows a verb.
    pub fn knows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, words: &[String], until: Instant) -> io::Result<Answer> {
        let pending = self.begin(words)?;
        self.finish(pending, until)
    }

    /// Sends a request.
    pub fn begin(&mut self, words: &[String]) -> io::Result<Pending> {
        let id = self.next;
        self.next += 1;
        let mut line = id.to_string();
        for word in words {
            line.push('\t');
            line.push_str(&encode(word));
        }
        self.child.send(&line)?;
        Ok(Pending(id))
    }

    /// Waits for the answer to a request.
    pub fn finish(&mut self, pending: Pending, until: Instant) -> io::Result<Answer> {
        loop {
            if let Some(at) = self.answers.iter().position(|(id, _)| *id == pending.0)
                && let Some((_, answer)) = self.answers.remove(at)
            {
                return Ok(answer);
            }
            self.read(until)?;
        }
    }

    /// The next event with this name and of this client, in the order they came.
    pub fn event(&mut self, name: &str, client: &str, until: Instant) -> io::Result<Vec<String>> {
        loop {
            if let Some(at) = self.find(name, client) {
                return Ok(self.events.remove(at).unwrap_or_default());
            }
            self.read(until)?;
        }
    }

    /// Every step in the life of each client, in the order they came.
    pub fn lives(&self) -> &BTreeMap<String, Vec<String>> {
        &self.lives
    }

    /// An event with this name and of this client that came and was not asked for.
    pub fn unasked(&self, name: &str, client: &str) -> Option<&[String]> {
        self.find(name, client).and_then(|at| self.events.get(at)).map(Vec::as_slice)
    }

    fn find(&self, name: &str, client: &str) -> Option<usize> {
        let is = |event: &&Vec<String>| {
            event.first().is_some_and(|is| is == name) && event.get(1).is_some_and(|is| is == client)
        };
        self.events.iter().position(|event| is(&event))
    }

    /// Ends the driver in order.
    pub fn end(mut self) -> io::Result<()> {
        self.child.end_input();
        if self.child.ended(PATIENCE)? {
            return Ok(());
        }
        Err(io::Error::other(format!("the driver ended with a failure: {}", self.child.errors())))
    }

    /// The newest of what the driver wrote to standard error.
    pub fn errors(&self) -> String {
        self.child.errors()
    }

    fn read(&mut self, until: Instant) -> io::Result<()> {
        let line = self.child.line(until).map_err(|why| match why {
            Silence::Late => io::Error::new(io::ErrorKind::TimedOut, "the driver said nothing in time"),
            Silence::Ended => io::Error::other(format!("the driver ended: {}", self.child.errors())),
        })?;
        let odd = || io::Error::new(io::ErrorKind::InvalidData, format!("the driver said \"{line}\""));
        let words: Vec<String> = line.split('\t').map(decode).collect::<Option<_>>().ok_or_else(odd)?;
        let (id, words) = words.split_first().ok_or_else(odd)?;
        if id == "*" {
            if self.events.len() >= EVENTS {
                return Err(io::Error::other("more events than a scenario can mean"));
            }
            if let [name, client, step, ..] = words
                && name == "lifecycle"
            {
                self.lives.entry(client.clone()).or_default().push(step.clone());
            }
            self.events.push_back(words.to_vec());
            return Ok(());
        }
        let id = id.parse().map_err(|_| odd())?;
        let answer = match words {
            [ok, results @ ..] if ok == "ok" => Answer::Ok(results.to_vec()),
            [err, kind, hub_code, retryable, message] if err == "err" => Answer::Err(Failure {
                kind: kind.clone(),
                hub_code: hub_code.clone(),
                retryable: retryable.clone(),
                message: message.clone(),
            }),
            _ => return Err(odd()),
        };
        self.answers.push_back((id, answer));
        Ok(())
    }
}

/// Writes what a line may not hold as it is: `%`, tab, line ends.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\t' => out.push_str("%09"),
            '\n' => out.push_str("%0A"),
            '\r' => out.push_str("%0D"),
            c => out.push(c),
        }
    }
    out
}

/// Reads `%XX` of any byte; `None` if that is no UTF-8 or a `%` stands alone.
pub fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_any_text() {
        for text in ["", "a\tb\nc\r%25 %", "温度 \u{1F600}", "%"] {
            let line = encode(text);
            assert!(!line.contains(['\t', '\n', '\r']), "{line}");
            assert_eq!(decode(&line).as_deref(), Some(text));
        }
        assert_eq!(decode("%e6%b8%a9").as_deref(), Some("温"));
        for bad in ["%", "%1", "%zz", "%ff"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
