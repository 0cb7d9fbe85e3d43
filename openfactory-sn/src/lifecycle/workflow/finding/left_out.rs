//! What a report leaves out that earlier ones had: it was not checked, so nothing about it is over.

use openfactory_attest::report::VerityState;

use super::super::super::entity::{Device, Shown};
use super::super::super::event::device::DeviceReported;
use super::key;

/// What is known to be shown after this report.
pub(in super::super) fn show(device: &Device, body: &DeviceReported) -> Shown {
    let known = device.shown.clone().filter(|shown| shown.build_id == device.build_id);
    let mut shown = known.unwrap_or_else(|| Shown::nothing(device.build_id.clone()));
    shown.verity |= shows_verity(body);
    shown.services |= body.report.services.is_some();
    shown
}

/// What this report leaves out: in words, and as an open incident remembers it.
pub(in super::super) fn left_out(device: &Device, body: &DeviceReported) -> Vec<(String, String)> {
    let shown = device.shown.as_ref().filter(|shown| shown.build_id == device.build_id);
    let missing = [
        ("overlay", device.overlay.is_some() && body.overlay.is_none()),
        ("dm-verity", shown.is_some_and(|shown| shown.verity) && !shows_verity(body)),
        ("services", shown.is_some_and(|shown| shown.services) && body.report.services.is_none()),
    ];
    let missing = missing.into_iter().filter(|(_, missing)| *missing);
    missing
        .map(|(what, _)| {
            (format!("{what}: earlier reports told of it, this one does not"), key(&["unchecked", what]))
        })
        .collect()
}

fn shows_verity(body: &DeviceReported) -> bool {
    matches!(body.report.verity, Some(VerityState::Proved { .. } | VerityState::Broken { .. }))
}
