//! `${NAME}` in a scenario's texts.

use std::collections::BTreeMap;

/// Texts by name, filled in by set-up and by `keep`.
#[derive(Debug, Default)]
pub(super) struct Texts(BTreeMap<String, String>);

impl Texts {
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Fills a text in: `${NAME}`, and `${C*N}` for N times the character C.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            out.push_str(before);
            let (name, behind) =
                behind.split_once('}').ok_or_else(|| format!("no end of ${{ in \"{text}\""))?;
            match name.split_once('*') {
                Some((what, times)) => {
                    let times = times.parse().map_err(|_| format!("\"{name}\" is no repetition"))?;
                    out.push_str(&what.repeat(times));
                }
                None => out.push_str(self.0.get(name).ok_or_else(|| format!("there is no ${{{name}}}"))?),
            }
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Fills words in; `WORD^N` stands for N words.
    pub(super) fn words(&self, words: &[String]) -> Result<Vec<String>, String> {
        let mut filled = Vec::with_capacity(words.len());
        for word in words {
            match word.rsplit_once('^').map(|(word, times)| (word, times.parse::<usize>())) {
                Some((word, Ok(times))) => {
                    let word = self.fill(word)?;
                    filled.extend(std::iter::repeat_n(word, times));
                }
                _ => filled.push(self.fill(word)?),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_filled_in() {
        let mut texts = Texts::default();
        texts.set("mqtt", "127.0.0.1:1");
        assert_eq!(texts.fill("tcp://${mqtt}/${x*3}").as_deref(), Ok("tcp://127.0.0.1:1/xxx"));
        assert!(texts.fill("${nobody}").is_err() && texts.fill("${mqtt").is_err());
        let words = texts.words(&["a:1^3".to_owned(), "i:7".to_owned()]).unwrap();
        assert_eq!(words, ["a:1", "a:1", "a:1", "i:7"]);
    }
}
