use super::*;

fn id(text: &str) -> SysId {
    SysId::new(text).unwrap()
}

fn item(open: &mut Open, name: &str, class: &str, known: bool) {
    open.classes.insert(id(name), class.to_owned());
    let fields = Fields::new().with("name", name);
    open.items.insert(id(name), OpenItem { fields, known, tries: 0 });
}

fn relation(open: &mut Open, parent: &str, child: &str) {
    let (kind, name) = (id("k"), "Runs on::Runs".to_owned());
    let relation = OpenRelation { parent: id(parent), child: id(child), kind, name, tries: 0 };
    open.relate(id(&format!("{parent}-{child}")), relation);
}

/// So many devices on two images, which hang on one site.
fn fleet(devices: usize) -> Open {
    let mut open = Open::default();
    for image in ["image0", "image1"] {
        item(&mut open, image, "u_image", false);
    }
    item(&mut open, "site", "u_site", false);
    for n in 0..devices {
        let device = format!("device{n:03}");
        item(&mut open, &device, "cmdb_ci_server", false);
        relation(&mut open, &device, &format!("image{}", n % 2));
    }
    relation(&mut open, "image0", "site");
    relation(&mut open, "image1", "site");
    open
}

/// Sends everything; how many payloads it takes.
fn all(open: &mut Open, most: usize) -> usize {
    let mut sent: BTreeSet<SysId> = BTreeSet::new();
    for payloads in 0.. {
        let load = open.next(most);
        if load.items.is_empty() {
            return payloads;
        }
        assert!(load.items.len() <= most, "{load:?}");
        let items: BTreeSet<_> = load.items.iter().collect();
        assert_eq!(items.len(), load.items.len(), "each once");
        for sys_id in &load.relations {
            let relation = &open.relations[sys_id];
            assert!(items.contains(&relation.parent) && items.contains(&relation.child));
        }
        sent.extend(load.items.iter().cloned());
        load.items.iter().for_each(|item| drop(open.items.remove(item)));
        load.relations.iter().for_each(|relation| open.unrelate(relation));
    }
    unreachable!("there is an end to it")
}

#[test]
fn everything_travels_whatever_the_size() {
    for most in [2, 3, 4, 7, 50, 1_000] {
        let mut open = fleet(100);
        let payloads = all(&mut open, most);
        assert!(open.items.is_empty() && open.relations.is_empty(), "{most}");
        if most >= 50 {
            assert!(payloads <= 100 / (most - 3) + 1, "{payloads} payloads of {most}");
        }
    }
}

#[test]
fn what_an_item_hangs_on_comes_with_it() {
    let mut open = Open::default();
    // Many devices come before the image, and the image before the host that it depends on.
    for n in 0..30 {
        item(&mut open, &format!("a{n:02}"), "cmdb_ci_server", false);
        relation(&mut open, &format!("a{n:02}"), "image");
    }
    item(&mut open, "image", "cmdb_ci_os_template", false);
    item(&mut open, "zone", "cmdb_ci_logical_datacenter", false);
    relation(&mut open, "image", "zone");
    let load = open.next(5);
    assert!(load.items.contains(&id("image")) && load.items.contains(&id("zone")), "{load:?}");
    assert!(load.relations.contains(&id("image-zone")), "{load:?}");
}

#[test]
fn what_is_known_brings_nothing_along() {
    let mut open = Open::default();
    item(&mut open, "device", "cmdb_ci_server", true);
    assert_eq!(open.next(10).items, [id("device")]);
    open.classes.insert(id("service"), "cmdb_ci_service".to_owned());
    relation(&mut open, "device", "service");
    assert_eq!(open.next(10).items, [id("device")], "the relation is between what is there: it comes after");
    open.items.clear();
    let load = open.next(10);
    assert_eq!((load.items.len(), load.relations.len()), (2, 1));
}

#[test]
fn an_item_related_to_itself_is_there_once() {
    for known in [false, true] {
        let mut open = Open::default();
        open.classes.insert(id("device"), "cmdb_ci_server".to_owned());
        if !known {
            item(&mut open, "device", "cmdb_ci_server", false);
        }
        relation(&mut open, "device", "device");
        let load = open.next(10);
        assert_eq!((load.items, load.relations), (vec![id("device")], vec![id("device-device")]));
    }
}

#[test]
fn payloads_are_bounded_in_bytes() {
    let mut open = Open::default();
    for n in 0..3 {
        item(&mut open, &format!("a{n}"), "cmdb_ci_server", false);
        let fields = Fields::new().with("comments", "x".repeat(BYTES / 2));
        open.items.get_mut(&id(&format!("a{n}"))).unwrap().fields = fields;
    }
    assert_eq!(open.next(10).items.len(), 1);
    open.items.get_mut(&id("a0")).unwrap().fields = Fields::new().with("comments", "x".repeat(BYTES * 2));
    assert_eq!(open.next(10).items, [id("a0")], "too large by itself: alone");
}

#[test]
fn what_is_given_up_takes_its_relations_along() {
    let mut open = fleet(4);
    let mut given_up = open.give_up(&id("image0"));
    given_up.sort();
    assert_eq!(given_up, ["device000-image0", "device002-image0", "image0-site"].map(id));
    assert_eq!((open.items.len(), open.relations.len()), (6, 3));
    assert!(all(&mut open, 10) > 0 && open.relations.is_empty());
}
