//! Messages to the kernel's audit subsystem (`include/uapi/linux/audit.h`).

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// `AUDIT_SET`.
pub(super) const SET: u16 = 1001;
/// `AUDIT_ADD_RULE`.
pub(super) const ADD_RULE: u16 = 1011;
/// `AUDIT_DEL_RULE`.
pub(super) const DELETE_RULE: u16 = 1012;
/// The bit of `AUDIT_NLGRP_READLOG` among a socket's groups.
pub(super) const READ_LOG: u32 = 1;
/// What records of our rule are known by.
pub(super) const KEY: &str = "openfactory-zone2";

/// `AUDIT_FILTER_EXIT`: when a call ends.
const FILTER_EXIT: u32 = 4;
/// `AUDIT_ALWAYS`.
const ALWAYS: u32 = 2;
/// `AUDIT_EXIT`, `AUDIT_DIR`, `AUDIT_FILTERKEY`.
const FIELD_EXIT: u32 = 103;
const FIELD_DIR: u32 = 107;
const FIELD_KEY: u32 = 210;
/// `AUDIT_EQUAL`.
const EQUAL: u32 = 0x4000_0000;
/// `-EROFS`.
const READ_ONLY: i32 = -30;
/// `AUDIT_MAX_FIELDS`, `AUDIT_BITMASK_SIZE`.
const FIELDS: usize = 64;

/// A `struct audit_rule_data`: every call below a directory that ends with `EROFS`.
pub(super) fn read_only_attempts(zone: &Path) -> Vec<u8> {
    let directory = zone.as_os_str().as_bytes();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let fields = [
        (FIELD_EXIT, READ_ONLY.cast_unsigned()),
        (FIELD_DIR, length(directory)),
        (FIELD_KEY, length(KEY.as_bytes())),
    ];
    let buffer = [directory, KEY.as_bytes()].concat();
    let mut words = vec![FILTER_EXIT, ALWAYS, length(&[0; 3])];
    // Every call.
    words.extend([u32::MAX; FIELDS]);
    let column = |of: fn(&(u32, u32)) -> u32| -> Vec<u32> {
        let mut column: Vec<u32> = fields.iter().map(of).collect();
        column.resize(FIELDS, 0);
        column
    };
    words.extend(column(|(field, _)| *field));
    words.extend(column(|(_, value)| *value));
    words.extend(column(|_| EQUAL));
    words.push(length(&buffer));
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    bytes.extend(buffer);
    bytes
}

/// A `struct audit_status` that switches auditing on, and nothing else.
pub(super) fn enabled() -> Vec<u8> {
    // `AUDIT_STATUS_ENABLED`, and the value.
    let mut words = [0_u32; 11];
    (words[0], words[1]) = (1, 1);
    words.into_iter().flat_map(u32::to_ne_bytes).collect()
}

/// A netlink message that asks for an answer (`struct nlmsghdr`).
pub(super) fn message(kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    /// `NLM_F_REQUEST | NLM_F_ACK`.
    const FLAGS: u16 = 5;
    let length = u32::try_from(16 + payload.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(FLAGS.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// The code of an answer (`NLMSG_ERROR`) to that message: 0 or an error's number, negative.
pub(super) fn answer(bytes: &[u8], sequence: u32) -> Option<i32> {
    let ours = bytes.get(4..6)? == 2_u16.to_ne_bytes() && bytes.get(8..12)? == sequence.to_ne_bytes();
    let code = bytes.get(16..20)?.try_into().ok().map(i32::from_ne_bytes)?;
    ours.then_some(code)
}
