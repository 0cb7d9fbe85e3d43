//! Records are made, set, and given attachments.

use super::super::plan::operation::{File, RecordKey, Values};
use super::error::Failure;
use super::{Repeat, Worker};

impl Worker<'_> {
    pub(super) async fn create(&mut self, key: &RecordKey, values: &Values) -> Result<(), Failure> {
        let (sys_id, fields) = (key.sys_id(), self.fields(values).await?);
        let ensured = self.client.dynamic_table(&key.table).ensure(&sys_id, &fields).await?;
        self.remember(key, &sys_id, Some(&ensured.row), ensured.created);
        Ok(())
    }

    pub(super) async fn put(&mut self, key: &RecordKey, values: &Values) -> Result<(), Failure> {
        let (sys_id, fields) = (key.sys_id(), self.fields(values).await?);
        let table = self.client.dynamic_table(&key.table);
        let ensured = table.ensure(&sys_id, &fields).await?;
        if !ensured.created {
            table.update(&sys_id, &fields).await?;
        }
        self.remember(key, &sys_id, Some(&ensured.row), ensured.created);
        Ok(())
    }

    pub(super) async fn update(&mut self, key: &RecordKey, values: &Values) -> Result<(), Failure> {
        let (sys_id, fields) = (key.sys_id(), self.fields(values).await?);
        if fields.is_empty() {
            return Ok(());
        }
        let row = self.client.dynamic_table(&key.table).update(&sys_id, &fields).await?;
        self.remember(key, &sys_id, Some(&row), false);
        Ok(())
    }

    pub(super) async fn attach(&mut self, key: &RecordKey, file: &File) -> Result<(), Failure> {
        let (sys_id, attachments) = (key.sys_id(), self.client.attachments());
        let (name, media_type, content) = (&file.name, &file.media_type, file.content.clone());
        match self.repeat {
            Repeat::First => {
                attachments.upload(&key.table, &sys_id, name, media_type, content).await?;
            }
            Repeat::MayHaveHappened => {
                attachments.ensure(&key.table, &sys_id, name, media_type, content).await?;
            }
        }
        self.remember(key, &sys_id, None, false);
        Ok(())
    }
}
