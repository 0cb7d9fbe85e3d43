//! The local platform: what is put on a device is the signed image, once per order, whatever lay there before.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use openfactory_attest::digest::Sha256Digest;
use openfactory_attest::envelope::Envelope;
use openfactory_attest::key::{KeyKind, Signer as _};
use openfactory_attest::trust::{TrustStore, TrustedKey};
use openfactory_examples::platform::{LocalError, LocalPlatform, Slot};
use openfactory_examples::trust_file::TrustFile;
use openfactory_examples::write_once::write_atomically;
use openfactory_sn::lifecycle::id::{BuildId, DeviceId, FleetId, OrderId};
use openfactory_sn::lifecycle::platform::{Action, ActionResult, Order, Platform as _, PlatformError};
use tempfile::TempDir;

use crate::fixture::{Build, key, trust};

const MOTD: &str = "as built\n";

struct Setup {
    root: TempDir,
    platform: LocalPlatform,
    build: Build,
}

fn device() -> DeviceId {
    DeviceId::new("edge-1").unwrap()
}

fn build_id() -> BuildId {
    BuildId::new("b-1").unwrap()
}

fn trust_file(directory: &Path, trust: &TrustStore) -> TrustFile {
    let path = directory.join("trust.json");
    write_atomically(&path, &trust.to_json(), 0o644).unwrap();
    TrustFile::open(&path).unwrap()
}

fn provisioned() -> Setup {
    let signer = key(1);
    let build = Build::new("b-1", MOTD, &signer);
    let root = tempfile::tempdir().unwrap();
    let trusted = trust("platform", KeyKind::BuildPlatformSigning, &signer);
    let platform =
        LocalPlatform::open(&root.path().join("platform"), trust_file(root.path(), &trusted)).unwrap();
    platform.store_image(&build_id(), &build.image, &build.document_bytes()).unwrap();
    platform.provision(&device(), &build_id()).unwrap();
    Setup { root, platform, build }
}

impl Setup {
    fn path(&self, below: &str) -> std::path::PathBuf {
        self.root.path().join("platform").join(below)
    }

    fn motd(&self) -> String {
        fs::read_to_string(self.platform.rootfs(&device()).join("etc/motd")).unwrap()
    }

    fn tamper(&self) {
        fs::write(self.platform.rootfs(&device()).join("etc/motd"), "tampered\n").unwrap();
        assert_eq!(self.motd(), "tampered\n");
    }
}

fn order(id: &str, actions: Vec<Action>) -> Order {
    let fleet = FleetId::new("line-7").unwrap();
    Order::new(OrderId::new(id).unwrap(), device(), fleet, build_id(), actions, "etc/motd was tampered with")
}

fn roll_back(id: &str) -> Order {
    order(id, vec![Action::Quarantine, Action::RollBack { to_build: build_id() }])
}

#[tokio::test]
async fn a_rollback_brings_back_what_was_signed_and_holds_the_device() {
    let setup = provisioned();
    let before = setup.platform.status(&device()).unwrap();
    assert_eq!((before.active, before.installed.build_id.as_str(), before.hold), (Slot::A, "b-1", None));
    assert_eq!(setup.motd(), MOTD);
    setup.tamper();

    let performed = setup.platform.perform(&roll_back("o-1")).await.unwrap();
    assert!(performed.is_complete(), "{performed:?}");
    assert_eq!(setup.motd(), MOTD);
    let rootfs = setup.platform.rootfs(&device());
    assert_eq!(fs::read_link(rootfs.join("usr/bin/alias")).unwrap(), Path::new("tool"));
    assert_eq!(fs::metadata(rootfs.join("sealed")).unwrap().permissions().mode() & 0o777, 0o555);
    let after = setup.platform.status(&device()).unwrap();
    assert_eq!((after.active, after.installed.by.as_str()), (Slot::B, "o-1"));
    let hold = after.hold.unwrap();
    assert_eq!((hold.reason.as_str(), hold.order.as_str()), ("etc/motd was tampered with", "o-1"));

    let released = setup.platform.perform(&order("o-2", vec![Action::Release])).await.unwrap();
    assert!(released.is_complete());
    assert_eq!(setup.platform.status(&device()).unwrap().hold, None);
}

#[tokio::test]
async fn a_document_that_was_signed_anew_is_pushed_with_whom_to_trust() {
    let setup = provisioned();
    let original = Envelope::parse(&setup.build.document_bytes()).unwrap();
    let renewed =
        |payload: &[u8]| Envelope::sign(original.payload_type_unverified(), payload, &key(2)).unwrap();
    let anew = renewed(original.payload_unverified());
    assert!(
        matches!(
            setup.platform.store_document(&build_id(), &anew.to_json()),
            Err(LocalError::Document { .. })
        ),
        "its signer is not trusted yet"
    );
    let mut trusted = trust("platform", KeyKind::BuildPlatformSigning, &key(1));
    let successor = key(2).public_key().clone();
    trusted.add(TrustedKey::new("platform", KeyKind::BuildPlatformSigning, successor)).unwrap();
    trust_file(setup.root.path(), &trusted);
    setup.platform.store_document(&build_id(), &anew.to_json()).unwrap();

    let push = |id: &str, digest| {
        order(id, vec![Action::PushDocument { build: build_id(), document_digest: digest }])
    };
    let other = setup.platform.perform(&push("o-1", Sha256Digest::of(b"other"))).await.unwrap();
    assert!(!other.is_complete(), "{other:?}");
    let performed = setup.platform.perform(&push("o-2", anew.payload_digest())).await.unwrap();
    assert!(performed.is_complete(), "{performed:?}");
    let baseline = setup.platform.baseline(&device());
    assert_eq!(fs::read(&baseline.document).unwrap(), anew.to_json());
    assert_eq!(TrustStore::parse(&fs::read(&baseline.trust).unwrap()).unwrap(), trusted);
}

#[tokio::test]
async fn an_order_is_performed_once_also_by_a_platform_that_was_started_again() {
    let setup = provisioned();
    setup.tamper();
    let first = setup.platform.perform(&roll_back("o-1")).await.unwrap();
    setup.tamper();
    let trusted = trust("platform", KeyKind::BuildPlatformSigning, &key(1));
    let again = LocalPlatform::open(&setup.path(""), trust_file(setup.root.path(), &trusted)).unwrap();
    assert_eq!(again.perform(&roll_back("o-1")).await.unwrap(), first);
    assert_eq!(setup.motd(), "tampered\n", "the second call changed nothing");

    let other = setup.platform.perform(&order("o-1", vec![Action::Release])).await.unwrap_err();
    assert!(matches!(other, PlatformError::Refused { .. }), "{other}");
}

#[tokio::test]
async fn a_crash_before_the_record_neither_loses_nor_doubles_the_act() {
    let setup = provisioned();
    setup.tamper();
    setup.platform.perform(&roll_back("o-1")).await.unwrap();
    // As after a crash between switch and record: the act is done, its record is not there.
    fs::remove_file(setup.path("orders/o-1.json")).unwrap();
    assert!(setup.platform.perform(&roll_back("o-1")).await.unwrap().is_complete());
    assert_eq!(setup.platform.status(&device()).unwrap().active, Slot::B, "not switched a second time");

    // As after a crash while the other slot was being filled.
    setup.tamper();
    fs::remove_dir_all(setup.path("devices/edge-1/slot-a/rootfs/usr")).unwrap();
    fs::write(setup.path("devices/edge-1/slot-a/rootfs/etc/half"), "half").unwrap();
    fs::remove_file(setup.path("devices/edge-1/slot-a/installed.json")).unwrap();
    assert!(setup.platform.perform(&roll_back("o-2")).await.unwrap().is_complete());
    assert_eq!(setup.motd(), MOTD);
    assert!(!setup.platform.rootfs(&device()).join("etc/half").exists());
}

#[tokio::test]
async fn a_stored_image_that_was_changed_is_not_used() {
    let setup = provisioned();
    setup.tamper();
    let stored = setup.path("images/b-1.squashfs");
    let mut bytes = fs::read(&stored).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&stored, bytes).unwrap();

    let performed = setup.platform.perform(&roll_back("o-1")).await.unwrap();
    assert!(performed.did(&Action::Quarantine), "the device is held all the same");
    let ActionResult::Failed { reason } = &performed.outcomes[1].outcome else { panic!("{performed:?}") };
    assert!(reason.contains("its signed document says"), "{reason}");
    assert_eq!(setup.platform.status(&device()).unwrap().active, Slot::A);

    // Stored anew it is good again, for a new order.
    setup.platform.store_image(&build_id(), &setup.build.image, &setup.build.document_bytes()).unwrap();
    assert!(setup.platform.perform(&roll_back("o-2")).await.unwrap().is_complete());
    assert_eq!(setup.motd(), MOTD);
}

#[tokio::test]
async fn what_is_not_there_is_told_as_such() {
    let setup = provisioned();
    let to_build = BuildId::new("b-9").unwrap();
    let performed = setup.platform.perform(&order("o-1", vec![Action::RollBack { to_build }])).await.unwrap();
    assert!(performed.outcomes[0].to_string().contains("no image of build b-9"), "{performed:?}");

    let mut unknown = roll_back("o-2");
    unknown.device = DeviceId::new("edge-9").unwrap();
    let refused = setup.platform.perform(&unknown).await.unwrap_err();
    assert!(matches!(&refused, PlatformError::Refused { reason } if reason.contains("edge-9")), "{refused}");
}

#[test]
fn only_what_a_trusted_key_signed_is_stored() {
    let root = tempfile::tempdir().unwrap();
    let trusted = trust("platform", KeyKind::BuildPlatformSigning, &key(1));
    let platform = LocalPlatform::open(root.path(), trust_file(root.path(), &trusted)).unwrap();
    let store = |build: &str, image: &Path, document: &[u8]| {
        platform.store_image(&BuildId::new(build).unwrap(), image, document)
    };

    let stranger = Build::new("b-1", MOTD, &key(2));
    let error = store("b-1", &stranger.image, &stranger.document_bytes()).unwrap_err();
    assert!(matches!(error, LocalError::Document { .. }), "{error}");

    let ours = Build::new("b-1", MOTD, &key(1));
    let error = store("b-2", &ours.image, &ours.document_bytes()).unwrap_err();
    assert!(matches!(error, LocalError::OtherBuild { .. }), "{error}");

    let other = Build::new("b-1", "another image\n", &key(1));
    let error = store("b-1", &other.image, &ours.document_bytes()).unwrap_err();
    assert!(matches!(error, LocalError::ImageChanged { .. }), "{error}");
    let left: Vec<_> =
        fs::read_dir(root.path().join("images")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("squashfs")), "{left:?}");
}

#[test]
fn one_and_the_same_device_is_provisioned_once() {
    let setup = provisioned();
    setup.tamper();
    let status = setup.platform.provision(&device(), &build_id()).unwrap();
    assert_eq!((status.active, setup.motd().as_str()), (Slot::A, "tampered\n"));
}

fn deploy(id: &str, build: &str) -> Order {
    order(id, vec![Action::Deploy { build: BuildId::new(build).unwrap() }])
}

#[tokio::test]
async fn a_deployment_goes_into_the_other_slot_and_is_switched_to() {
    let setup = provisioned();
    let next = Build::new("b-2", "the next one\n", &key(1));
    let id = BuildId::new("b-2").unwrap();
    setup.platform.store_image(&id, &next.image, &next.document_bytes()).unwrap();
    let performed = setup.platform.perform(&deploy("o-1", "b-2")).await.unwrap();
    assert!(performed.is_complete(), "{performed:?}");
    assert_eq!(setup.motd(), "the next one\n");
    let after = setup.platform.status(&device()).unwrap();
    assert_eq!((after.active, after.installed.build_id.as_str(), after.hold), (Slot::B, "b-2", None));
    // What ran before is still there, until the next deployment.
    let before = setup.path("devices/edge-1/slot-a/rootfs/etc/motd");
    assert_eq!(fs::read_to_string(before).unwrap(), MOTD);
    assert_eq!(setup.platform.perform(&deploy("o-1", "b-2")).await.unwrap(), performed);
}

#[tokio::test]
async fn an_enrolled_device_gets_its_first_image_by_a_deployment_and_a_stranger_gets_none() {
    let setup = provisioned();
    let mut order = deploy("o-1", "b-1");
    order.device = DeviceId::new("edge-2").unwrap();
    let refused = setup.platform.perform(&order).await.unwrap_err();
    assert!(matches!(refused, PlatformError::Refused { .. }), "{refused}");
    setup.platform.enroll(&order.device).unwrap();
    setup.platform.enroll(&order.device).unwrap();
    assert!(matches!(setup.platform.status(&order.device), Err(LocalError::UnknownDevice { .. })));
    assert!(setup.platform.perform(&order).await.unwrap().is_complete());
    assert_eq!(setup.platform.status(&order.device).unwrap().active, Slot::A);
}

#[tokio::test]
async fn an_image_that_is_not_stored_is_not_deployed() {
    let setup = provisioned();
    let performed = setup.platform.perform(&deploy("o-1", "b-9")).await.unwrap();
    assert!(performed.outcomes[0].to_string().contains("no image of build b-9"), "{performed:?}");
    assert_eq!(setup.platform.status(&device()).unwrap().active, Slot::A);
}
