use openfactory_sn::lifecycle::state::conformance::{Harness, run};
use openfactory_sn::lifecycle::state::memory::MemoryStateStore;

struct InMemory;

#[async_trait::async_trait]
impl Harness for InMemory {
    type Store = MemoryStateStore;

    async fn empty(&self) -> MemoryStateStore {
        MemoryStateStore::new()
    }

    async fn reopen(&self, store: MemoryStateStore) -> MemoryStateStore {
        store
    }
}

#[tokio::test]
async fn the_store_in_memory_keeps_every_promise() {
    run(&InMemory).await.unwrap();
}
