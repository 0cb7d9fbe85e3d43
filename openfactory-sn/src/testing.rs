//! For tests of code that uses this crate: a transport that follows a script, a clock that stands still.

mod clock;
mod script;
mod transport;

pub use self::clock::{FixedClock, NoJitter};
pub use self::script::{Expected, Reply};
pub use self::transport::{Recorded, ScriptedTransport};
