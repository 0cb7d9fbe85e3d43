//! Whether somebody may open something: pure.

use super::Operation;
use crate::policy::Class;

/// What an entry is to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The file that proves the gate: refused whatever is wanted of it.
    Canary,
    /// An entry of Zone 2, of the class of its rule; none if there is no rule.
    Entry(Option<Class>),
    /// Something on the same file system that was reached by another way than Zone 2's own path.
    Elsewhere,
}

/// Whether it may be done. Nothing in Zone 2 is run; what is sealed, has no rule, or was reached by another way is not
/// written. In which way an open was meant, where nobody can tell, is [`Operation::Write`].
///
/// ```
/// use openfactory_zone2::monitor::{Operation, decide::{Subject, allowed}};
/// use openfactory_zone2::policy::Class;
///
/// assert!(allowed(Subject::Entry(Some(Class::Sealed)), Operation::Read));
/// assert!(!allowed(Subject::Entry(Some(Class::Sealed)), Operation::Write));
/// assert!(allowed(Subject::Entry(Some(Class::Volatile)), Operation::Write));
/// assert!(!allowed(Subject::Entry(Some(Class::Volatile)), Operation::Exec));
/// ```
#[must_use]
pub const fn allowed(subject: Subject, operation: Operation) -> bool {
    match (subject, operation) {
        (Subject::Canary, _) => false,
        (_, Operation::Read) | (Subject::Entry(Some(Class::Volatile)), Operation::Write) => true,
        _ => false,
    }
}

/// How a thread that waits in an open meant it, by the line of /proc/PID/syscall (proc_pid_syscall(5)). Anything but an
/// open(2) or openat(2) that asks for reading alone is writing: openat2(2) keeps its flags in memory that another thread
/// may change, and what came by io_uring is in no call at all.
#[must_use]
pub fn meant(line: &str) -> Operation {
    let mut words = line.split_ascii_whitespace();
    let call = words.next().and_then(|word| word.parse::<u64>().ok());
    // Which argument holds the flags.
    let position = match (cfg!(target_arch = "x86_64"), cfg!(target_arch = "aarch64"), call) {
        (true, _, Some(2)) => 1,
        (true, _, Some(257)) | (_, true, Some(56)) => 2,
        _ => return Operation::Write,
    };
    let flags = words.nth(position).and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    match flags {
        Some(flags) if flags & (ACCESS | CREATE | TRUNCATE) == 0 => Operation::Read,
        _ => Operation::Write,
    }
}

/// `O_ACCMODE`; zero is `O_RDONLY`.
const ACCESS: u64 = 0o3;
/// `O_CREAT`.
const CREATE: u64 = 0o100;
/// `O_TRUNC`.
const TRUNCATE: u64 = 0o1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_and_operations_row_by_row() {
        use Operation::{Exec, Read, Write};
        let sealed = Subject::Entry(Some(Class::Sealed));
        let volatile = Subject::Entry(Some(Class::Volatile));
        let table = [
            (Subject::Canary, [false, false, false]),
            (sealed, [true, false, false]),
            (volatile, [true, true, false]),
            (Subject::Entry(None), [true, false, false]),
            (Subject::Elsewhere, [true, false, false]),
        ];
        for (subject, expected) in table {
            assert_eq!(
                [Read, Write, Exec].map(|operation| allowed(subject, operation)),
                expected,
                "{subject:?}"
            );
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn calls_row_by_row() {
        use Operation::{Read, Write};
        let table = [
            ("257 0xffffff9c 0x7f00 0x80000 0x0 0x0 0x0 0x7ffe 0x7f11", Read),
            ("257 0xffffff9c 0x7f00 0x241 0x1b6 0x0 0x0 0x7ffe 0x7f11", Write),
            ("257 0xffffff9c 0x7f00 0x40 0x1b6 0x0 0x0 0x7ffe 0x7f11", Write),
            ("257 0xffffff9c 0x7f00 0x2 0x0", Write),
            ("2 0x7f00 0x0 0x0", Read),
            ("2 0x7f00 0x1 0x0", Write),
            ("85 0x7f00 0x1b6", Write),
            ("437 0xffffff9c 0x7f00 0x7f11 0x18", Write),
            ("295 0xffffff9c 0x7f00 0x0", Write),
            ("running", Write),
            ("257", Write),
            ("", Write),
        ];
        for (line, expected) in table {
            assert_eq!(meant(line), expected, "{line}");
        }
    }
}
