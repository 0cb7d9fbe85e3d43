//! Promises about receipts.

use super::samples::{id, instant};
use super::{Harness, Outcome, same};
use crate::id::SysId;
use crate::lifecycle::correlation;
use crate::lifecycle::id::BuildId;
use crate::lifecycle::state::StateStore;
use crate::lifecycle::state::receipt::{AppliedRecord, Receipt};

pub(super) async fn a_receipt_reads_back<H: Harness>(harness: &H) -> Outcome {
    let promise = "a receipt reads back, the last one of an event";
    let store = harness.empty().await;
    let correlation = correlation::change(&BuildId::derived_for_tests("b"));
    let sys_id = SysId::derived("change_request", &correlation);
    let mut receipt = Receipt::new(
        id("a"),
        instant(1),
        vec![AppliedRecord::new("change_request", sys_id, correlation, true)],
    );
    receipt.findings.push("the group \"Fleet\" is missing".to_owned());
    receipt.possible_duplicates = 1;
    store.record_receipt(&Receipt::new(id("a"), instant(0), vec![])).await?;
    store.record_receipt(&receipt).await?;
    store.record_receipt(&Receipt::new(id("b"), instant(2), vec![])).await?;
    let store = harness.reopen(store).await;
    same(promise, &store.receipt(&id("a")).await?, &Some(receipt))?;
    same(promise, &store.receipt(&id("c")).await?, &None)
}
