//! What the kernel sends to a fanotify group (fanotify(7), `include/uapi/linux/fanotify.h`).

/// `FAN_MODIFY`.
pub(super) const MODIFY: u64 = 0x2;
/// `FAN_ATTRIB`.
pub(super) const ATTRIB: u64 = 0x4;
/// `FAN_MOVED_FROM`.
pub(super) const MOVED_FROM: u64 = 0x40;
/// `FAN_MOVED_TO`.
pub(super) const MOVED_TO: u64 = 0x80;
/// `FAN_CREATE`.
pub(super) const CREATE: u64 = 0x100;
/// `FAN_DELETE`.
pub(super) const DELETE: u64 = 0x200;
/// `FAN_Q_OVERFLOW`.
pub(super) const OVERFLOW: u64 = 0x4000;
/// `FAN_OPEN_PERM`.
pub(super) const OPEN_PERM: u64 = 0x1_0000;
/// `FAN_OPEN_EXEC_PERM`.
pub(super) const OPEN_EXEC_PERM: u64 = 0x4_0000;
/// `FAN_ONDIR`.
pub(super) const ONDIR: u64 = 0x4000_0000;

/// `FANOTIFY_METADATA_VERSION`.
const VERSION: u8 = 3;
/// Bytes of `struct fanotify_event_metadata`.
const METADATA: usize = 24;
/// `FAN_EVENT_INFO_TYPE_DFID_NAME`.
const DFID_NAME: u8 = 2;
/// `FAN_EVENT_INFO_TYPE_DFID`.
const DFID: u8 = 3;
/// The largest file handle, in bytes (`MAX_HANDLE_SZ`).
const MAX_HANDLE: usize = 128;

/// One event, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What happened: `FAN_*` bits.
    pub mask: u64,
    /// An open descriptor of what it is about; negative if there is none.
    pub fd: i32,
    /// Who did it: a process, or a thread, as the group was made.
    pub pid: i32,
    /// The directory, where the group tells it.
    pub directory: Option<Handle>,
    /// The name in the directory; none for the directory itself.
    pub name: Option<Vec<u8>>,
}

/// A file handle (name_to_handle_at(2)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handle {
    /// Of what kind it is; the file system's business.
    pub kind: i32,
    /// The handle itself.
    pub bytes: Vec<u8>,
}

/// What was sent is no series of events. Then nothing of it is known: only a whole scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel's events can't be read")]
#[non_exhaustive]
pub struct DecodeError;

/// Reads a buffer of events. Records of kinds that aren't known are skipped.
///
/// # Errors
/// [`DecodeError`] where a length leads out of the buffer, or the version is another.
pub fn events(mut bytes: &[u8]) -> Result<Vec<Event>, DecodeError> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let length = usize::try_from(u32_at(bytes, 0)?).map_err(|_| DecodeError)?;
        let head = usize::from(u16_at(bytes, 6)?);
        if bytes.get(4) != Some(&VERSION) || head < METADATA || length < head {
            return Err(DecodeError);
        }
        let event = bytes.get(..length).ok_or(DecodeError)?;
        let (directory, name) = directory(event.get(head..).ok_or(DecodeError)?)?;
        events.push(Event {
            mask: u64::from_ne_bytes(array(event, 8)?),
            fd: i32::from_ne_bytes(array(event, 16)?),
            pid: i32::from_ne_bytes(array(event, 20)?),
            directory,
            name,
        });
        bytes = bytes.get(length..).ok_or(DecodeError)?;
    }
    Ok(events)
}

/// The directory and the name among an event's records.
fn directory(mut records: &[u8]) -> Result<(Option<Handle>, Option<Vec<u8>>), DecodeError> {
    let mut found = (None, None);
    while !records.is_empty() {
        let kind = *records.first().ok_or(DecodeError)?;
        let length = usize::from(u16_at(records, 2)?);
        let record = records.get(..length).filter(|record| record.len() >= 4).ok_or(DecodeError)?;
        if matches!(kind, DFID_NAME | DFID) {
            // After the header stands the file system's id, then a `struct file_handle`.
            let size = usize::try_from(u32_at(record, 12)?).map_err(|_| DecodeError)?;
            if size > MAX_HANDLE {
                return Err(DecodeError);
            }
            let handle = record.get(20..20 + size).ok_or(DecodeError)?.to_vec();
            let name = record.get(20 + size..).unwrap_or_default();
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            found.0 = Some(Handle { kind: i32::from_ne_bytes(array(record, 16)?), bytes: handle });
            found.1 = (kind == DFID_NAME && !matches!(name, b"" | b".")).then(|| name.to_vec());
        }
        records = records.get(length..).ok_or(DecodeError)?;
    }
    Ok(found)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], DecodeError> {
    bytes.get(at..at + N).and_then(|part| part.try_into().ok()).ok_or(DecodeError)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, DecodeError> {
    array(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, DecodeError> {
    array(bytes, at).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(mask: u64, pid: i32, records: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(METADATA + records.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend([VERSION, 0]);
        bytes.extend(24_u16.to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(pid.to_ne_bytes());
        bytes.extend(records);
        bytes
    }

    fn record(kind: u8, handle: &[u8], name: &[u8]) -> Vec<u8> {
        let length = u16::try_from(20 + handle.len() + name.len()).unwrap();
        let mut bytes = vec![kind, 0];
        bytes.extend(length.to_ne_bytes());
        bytes.extend([7; 8]);
        bytes.extend(u32::try_from(handle.len()).unwrap().to_ne_bytes());
        bytes.extend(1_i32.to_ne_bytes());
        bytes.extend(handle);
        bytes.extend(name);
        bytes
    }

    #[test]
    fn events_are_read_one_by_one() {
        let handle = Some(Handle { kind: 1, bytes: b"12345678".to_vec() });
        let bytes = [
            event(OVERFLOW, 0, &[]),
            event(CREATE, 7, &record(DFID_NAME, b"12345678", b"a.conf\0\0")),
            event(ATTRIB | ONDIR, 8, &record(DFID_NAME, b"12345678", b".\0")),
            event(MODIFY, 9, &[99, 0, 8, 0, 1, 2, 3, 4]),
        ];
        let bytes = bytes.concat();
        let event = |mask, pid, directory: &Option<Handle>, name: Option<&[u8]>| Event {
            mask,
            fd: -1,
            pid,
            directory: directory.clone(),
            name: name.map(<[u8]>::to_vec),
        };
        let expected = [
            event(OVERFLOW, 0, &None, None),
            event(CREATE, 7, &handle, Some(b"a.conf")),
            event(ATTRIB | ONDIR, 8, &handle, None),
            event(MODIFY, 9, &None, None),
        ];
        assert_eq!(events(&bytes).unwrap(), expected);
        // Cut anywhere it is no series of events, but where an event ends.
        let ends = [0, 24, 24 + 24 + 36, 24 + 60 + 24 + 30];
        for cut in 0..bytes.len() {
            assert_eq!(events(&bytes[..cut]).is_ok(), ends.contains(&cut), "{cut}");
        }
    }

    #[test]
    fn lengths_that_lead_out_are_refused() {
        let mut long = event(MODIFY, 1, &record(DFID_NAME, &[0; 129], b"a\0"));
        assert_eq!(events(&long), Err(DecodeError));
        long = event(MODIFY, 1, &record(DFID_NAME, &[0; 8], b"a\0"));
        long[24 + 12] = 200;
        assert_eq!(events(&long), Err(DecodeError));
        let mut other = event(MODIFY, 1, &[]);
        other[4] = 4;
        assert_eq!(events(&other), Err(DecodeError));
        assert_eq!(events(&event(MODIFY, 1, &[2, 0, 0, 0])), Err(DecodeError));
    }
}
