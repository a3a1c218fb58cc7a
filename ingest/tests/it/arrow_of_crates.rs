//! Two crates, one arrow: ingest must never link the query engine, or a Lambda pays for it at every cold start.

use std::process::Command;

#[test]
fn ingest_does_not_link_datafusion() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "trailhound-ingest", "-e", "normal,build", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("deltalake-core "), "the tree is not that of the crate:\n{tree}");
    let linked = tree.lines().filter(|line| line.starts_with("datafusion")).collect::<Vec<_>>();
    assert!(linked.is_empty(), "{linked:?}");
}
