//! The text of a policy.

use std::collections::HashSet;

use super::{Kind, Member, ParsePolicyError, Policy, Reason};
use crate::audit::checkpoint::decimal;
use crate::audit::note::{ParseVerifierKeyError, VerifierKey};

/// Bytes of a policy at most.
const MAX_POLICY: usize = 64 * 1024;

/// Witnesses and groups at most.
const MAX_MEMBERS: usize = 256;

/// The name of no witness at all.
const NONE: &[u8] = b"none";

#[derive(Default)]
struct Parser {
    logs: Vec<VerifierKey>,
    members: Vec<Member>,
    quorum: Option<Option<usize>>,
    keys: HashSet<[u8; 32]>,
    log_keys: HashSet<[u8; 32]>,
    /// Members that are in a group already.
    taken: HashSet<usize>,
}

pub(super) fn policy(text: &[u8]) -> Result<Policy, ParsePolicyError> {
    let failed = |line, reason| ParsePolicyError { line, reason };
    if text.len() > MAX_POLICY {
        return Err(failed(1, Reason::Text("it is too long")));
    }
    let mut parser = Parser::default();
    let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n');
    let mut last = 0;
    for (number, line) in (1..).zip(lines) {
        last = number;
        parser.line(line).map_err(|reason| failed(number, reason))?;
    }
    let Parser { logs, members, quorum, .. } = parser;
    let quorum = quorum.ok_or_else(|| failed(last, Reason::Text("there is no quorum line")))?;
    Ok(Policy { logs, members, quorum })
}

impl Parser {
    fn line(&mut self, line: &[u8]) -> Result<(), Reason> {
        let text = |reason| Err(Reason::Text(reason));
        if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return text("it has control characters");
        }
        let words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        let words: Vec<&[u8]> = words.collect();
        match &words[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key] | [b"log", key, _] => {
                let key: VerifierKey = parse_key(key)?;
                if !self.log_keys.insert(key.public_key().to_bytes()) {
                    return text("a log of this key is there already");
                }
                self.logs.push(key);
                Ok(())
            }
            [b"witness", name, key] | [b"witness", name, key, _] => {
                let key: super::WitnessKey = parse_key(key)?;
                if !self.keys.insert(key.public_key().to_bytes()) {
                    return text("a witness of this key is there already");
                }
                self.define(name, Kind::Witness(Box::new(key)))
            }
            [b"group", name, threshold, members @ ..] if !members.is_empty() => {
                let members =
                    members.iter().map(|member| self.find(member)).collect::<Result<Vec<_>, _>>()?;
                if !members.iter().all(|member| self.taken.insert(*member)) {
                    return text("one of its members is in a group already");
                }
                let threshold = match *threshold {
                    b"all" => members.len(),
                    b"any" => 1,
                    number => threshold_of(number, members.len())?,
                };
                self.define(name, Kind::Group { threshold, members })
            }
            [b"quorum", _] if self.quorum.is_some() => text("there is a quorum already"),
            [b"quorum", name] => {
                self.quorum = Some(if *name == NONE { None } else { Some(self.find(name)?) });
                Ok(())
            }
            _ => text("it is no line of log, witness, group or quorum"),
        }
    }

    fn define(&mut self, name: &[u8], kind: Kind) -> Result<(), Reason> {
        if name == NONE || self.find(name).is_ok() {
            return Err(Reason::Text("its name is taken"));
        }
        if self.members.len() == MAX_MEMBERS {
            return Err(Reason::Text("there are too many witnesses and groups"));
        }
        self.members.push(Member { name: name.to_vec(), kind });
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Result<usize, Reason> {
        let found = self.members.iter().position(|member| member.name == name);
        found.ok_or(Reason::Text("it names a witness or group that is not there before it"))
    }
}

fn parse_key<K: std::str::FromStr<Err = ParseVerifierKeyError>>(word: &[u8]) -> Result<K, Reason> {
    let word = std::str::from_utf8(word).map_err(|_| Reason::Key(ParseVerifierKeyError::Shape))?;
    word.parse().map_err(Reason::Key)
}

fn threshold_of(word: &[u8], members: usize) -> Result<usize, Reason> {
    let number =
        std::str::from_utf8(word).ok().and_then(decimal).and_then(|number| usize::try_from(number).ok());
    let number = number.filter(|number| (1..=members).contains(number));
    number.ok_or(Reason::Text("its threshold is neither any, all, nor a number of its members"))
}
