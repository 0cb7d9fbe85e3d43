//! An operator who remembers what was told.

use std::sync::Mutex;

use async_trait::async_trait;
use openfactory_queue::worker::alert::{Alarm, Alert};

#[derive(Debug, Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<Alarm>>);

#[async_trait]
impl Alert for Heard {
    async fn raise(&self, alarm: &Alarm) {
        self.0.lock().unwrap().push(alarm.clone());
    }
}
