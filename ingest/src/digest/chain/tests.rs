use super::*;

const JUDGE: Judge = Judge { has_all_keys: false, earlier_end: None };

/// The digest of an hour. Its hash is the hour, so that a digest that says another was changed.
fn link(hour: u8, proof: Proof) -> Link {
    let key = |hour: u8| format!("AWSLogs/1/CloudTrail-Digest/r/x_{hour}.json.gz");
    let end = i64::from(hour) * HOUR;
    let previous = (hour > 1).then(|| Previous {
        bucket: "b".to_owned(),
        object: key(hour - 1),
        hash: Some([hour - 1; 32]),
    });
    let digest = Digest {
        start: end - HOUR,
        end,
        end_text: String::new(),
        bucket: "b".to_owned(),
        object: key(hour),
        fingerprint: "f".to_owned(),
        previous_signature: None,
        previous,
        logs: vec![],
    };
    Link { key: key(hour), end, state: State::Read(Box::new(digest), [hour; 32], proof) }
}

/// A chain of signed digests, newest first.
fn chain(hours: impl IntoIterator<Item = u8>) -> Vec<Link> {
    let mut links = hours.into_iter().map(|hour| link(hour, Proof::Signed)).collect::<Vec<_>>();
    links.sort_by_key(|link| std::cmp::Reverse(link.end));
    links
}

/// Verdicts by hour, oldest first; the hours that lack; the gaps in hours.
#[track_caller]
fn check(judge: Judge, links: &[Link], verdicts: &[Verdict], lacking: &[i64], gaps: &[(i64, i64)]) {
    let judged = judge.judge(links);
    let mut got = judged.verdicts.iter().map(|(verdict, _)| *verdict).collect::<Vec<_>>();
    got.reverse();
    assert_eq!(got, verdicts);
    assert_eq!(judged.lacking.iter().map(|(_, end)| end / HOUR).collect::<Vec<_>>(), lacking);
    assert_eq!(judged.gaps.iter().map(|(from, until)| (from / HOUR, until / HOUR)).collect::<Vec<_>>(), gaps);
}

use Verdict::{Changed, Forged, Unproven, Valid};

#[test]
fn a_whole_chain_is_valid() {
    check(JUDGE, &chain(1..=4), &[Valid; 4], &[], &[]);
    check(JUDGE, &chain([]), &[], &[], &[]);
}

#[test]
fn a_digest_that_is_missing_is_named_by_the_next() {
    check(JUDGE, &chain([1, 2, 4]), &[Valid; 3], &[3], &[]);
    check(JUDGE, &chain([1, 4]), &[Valid; 2], &[3], &[(1, 2)]);
    // The first of what was looked at may have one before it; whether it is there is for others to see.
    check(JUDGE, &chain([3, 4]), &[Valid; 2], &[2], &[]);
}

#[test]
fn validation_that_was_off_is_a_gap() {
    let mut links = chain([1, 2, 5, 6]);
    let State::Read(digest, ..) = &mut links[1].state else { panic!() };
    digest.previous = None;
    check(JUDGE, &links, &[Valid; 4], &[], &[(2, 4)]);
    check(Judge { earlier_end: Some(2 * HOUR), ..JUDGE }, &links[..2], &[Valid; 2], &[], &[(2, 4)]);
    check(Judge { earlier_end: Some(4 * HOUR), ..JUDGE }, &links[..2], &[Valid; 2], &[], &[]);
}

#[test]
fn a_forged_digest_speaks_for_nothing() {
    let mut links = chain(1..=4);
    links[1].state = link(3, Proof::Wrong).state;
    check(JUDGE, &links, &[Valid, Valid, Forged, Valid], &[], &[]);
    // What it names is gone: only the hours tell.
    links.remove(2);
    check(JUDGE, &links, &[Valid, Forged, Valid], &[], &[(1, 2)]);
    links[1].state = State::Unreadable("cut".to_owned());
    check(JUDGE, &links, &[Valid, Changed, Valid], &[], &[(1, 2)]);
}

#[test]
fn the_next_digest_proves_the_one_before() {
    for lacks in [Proof::NoKey, Proof::Unsigned] {
        let mut links = chain(1..=4);
        for at in [1, 2] {
            links[at] = link(
                links[at].key.as_bytes()["AWSLogs/1/CloudTrail-Digest/r/x_".len()] - b'0',
                lacks.clone(),
            );
        }
        check(JUDGE, &links, &[Valid; 4], &[], &[]);
        // Not if its hash is another one.
        let State::Read(_, hash, _) = &mut links[1].state else { panic!() };
        *hash = [9; 32];
        check(JUDGE, &links, &[Valid, Unproven, Forged, Valid], &[], &[]);
    }
}

#[test]
fn a_signature_that_is_wrong_is_never_outweighed() {
    let mut links = chain(1..=2);
    links[1] = link(1, Proof::Wrong);
    check(JUDGE, &links, &[Forged, Valid], &[], &[]);
}

#[test]
fn a_key_that_cloudtrail_does_not_have_is_no_key_of_its_own() {
    let links = [link(1, Proof::NoKey)];
    check(JUDGE, &links, &[Unproven], &[], &[]);
    check(Judge { has_all_keys: true, ..JUDGE }, &links, &[Forged], &[], &[]);
}

#[test]
fn a_digest_elsewhere_is_not_of_this_chain() {
    let mut links = chain(1..=3);
    let State::Read(digest, ..) = links[1].state.clone() else { panic!() };
    links[1].state = State::Moved(digest);
    check(JUDGE, &links, &[Valid, Forged, Valid], &[], &[]);
}
