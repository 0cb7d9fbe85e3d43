//! Makes parity.

use std::io::Write;

use super::code::Encoder;
use super::layout::{Devices, FecArea, FecError, Layout};
use crate::read_at::ReadAt;
use crate::verity::stripe;
use crate::verity::tree::Tree;
use crate::work::Work;

/// Writes the parity over data and hash device: what `veritysetup format --fec-device` writes, from the byte on at which
/// the area begins.
///
/// Data and hash blocks must be of the same size. Memory is bounded: some 4 mebibytes per thread.
///
/// ```
/// use openfactory_attest::verity::{self, Params, fec::{self, FecRoots}};
/// use openfactory_attest::Work;
///
/// let (image, work) = (vec![7; 1024 * 1024], Work::on_all_cores());
/// let params = Params::new("a60c98d2-ae9b-4865-bfcb-b4e3ace11033".parse()?);
/// let mut hash_device = std::io::Cursor::new(Vec::new());
/// let tree = verity::format(&image, None, &mut hash_device, &params, &work)?;
/// let hash_device = hash_device.into_inner();
///
/// let mut parity = Vec::new();
/// fec::encode(&image, &hash_device, &tree, FecRoots::default(), &mut parity, &work)?;
///
/// let mut damaged = image.clone();
/// damaged[5 * 4096..7 * 4096].fill(0);
/// let report = verity::verify(&damaged, &hash_device, &tree, &work)?;
/// let mut patches = Vec::new();
/// let mut patch = |_device, at: u64, bytes: &[u8]| {
///     patches.push((at as usize, bytes.to_vec()));
///     Ok(())
/// };
/// let roots = FecRoots::default();
/// let repair = fec::repair(&damaged, &hash_device, &parity, &tree, roots, &report, &mut patch, &work)?;
/// assert_eq!((repair.repaired_bytes(), repair.beyond_repair()), (2 * 4096, 0));
/// for (at, bytes) in patches {
///     damaged[at..at + bytes.len()].copy_from_slice(&bytes);
/// }
/// assert!(verity::verify(&damaged, &hash_device, &tree, &work)?.is_intact());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`FecError`]; what was written up to then is of no use.
pub fn encode(
    data: &dyn ReadAt,
    hash: &dyn ReadAt,
    tree: &Tree,
    area: impl Into<FecArea>,
    out: &mut dyn Write,
    work: &Work<'_>,
) -> Result<(), FecError> {
    let layout = Layout::new(tree, hash, area.into())?;
    let devices = Devices { data, hash };
    let at_once = layout.words_at_once();
    let mut done = 0;
    stripe::in_order(
        layout.words().div_ceil(at_once),
        work.threads(),
        |piece, row| {
            row.resize(at_once as usize, 0);
            let mut encoder = Encoder::new(layout.roots, row.len());
            encoder.clear();
            for symbol in 0..layout.message_symbols() {
                devices.read(layout.at(symbol, piece * at_once), row)?;
                encoder.push(row);
            }
            let mut parity = Vec::with_capacity(row.len() * layout.roots);
            encoder.write(&mut parity);
            Ok(parity)
        },
        |parity: Vec<u8>| {
            out.write_all(&parity).map_err(FecError::Write)?;
            done += parity.len() as u64;
            work.tell(done, layout.parity_size());
            Ok(())
        },
    )
}
