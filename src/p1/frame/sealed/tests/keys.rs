use super::*;
use crate::p1::cipher::seal_without_auth_key;

#[test]
fn keys_that_do_not_fit_are_told_apart() {
    let frame = sealed(7);
    let verdict = |keys: Option<Keys>, frame: &[u8]| {
        let said = events(frame, keys);
        assert_eq!(said.len(), 1, "{said:?}");
        let (offset, reason, bytes, tag) = rejected(&said[0]);
        assert_eq!((offset, bytes), (0, frame.len()));
        (reason, tag.expect("a seal"))
    };
    assert_eq!(verdict(None, &frame), (RejectReason::NoKey, Tag::Unchecked));
    let other = Keys { key: Key::new([1; 16]), ..keys() };
    assert_eq!(verdict(Some(other), &frame), (RejectReason::WrongKey, Tag::Wrong));
    let other = Keys { auth_key: Key::new([1; 16]), ..keys() };
    assert_eq!(verdict(Some(other.clone()), &frame), (RejectReason::WrongAuthKey, Tag::Wrong));
    let mut damaged = frame.clone();
    damaged[40] ^= 4;
    assert_eq!(verdict(Some(keys()), &damaged), (RejectReason::DamagedCipher, Tag::Wrong));
    // Allowed, and never called verified.
    let allowing = Keys { allow_unverified_tag: true, ..other };
    let said = events(&frame, Some(allowing.clone()));
    let [Said::Frame { proof: Proof::Unauthenticated, bytes, seal: Some(seal), .. }] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!((bytes, seal.tag), (&telegram(7), Tag::Wrong));
    assert_eq!(verdict(Some(allowing), &damaged).0, RejectReason::DamagedCipher);
}

#[test]
fn a_tag_without_the_authentication_key_proves_as_much() {
    let bare = |number| seal_without_auth_key(&telegram(number), &Envelope::new(TITLE, number), &keys());
    // Whatever the authentication key is.
    for auth_key in [keys().auth_key, Key::new([1; 16])] {
        let said = events(&[bare(7), bare(8)].concat(), Some(Keys { auth_key, ..keys() }));
        assert_eq!(numbers(&said), [7, 8], "{said:?}");
        for (said, step) in said.iter().zip([CounterStep::First, CounterStep::Rose]) {
            let Said::Frame { seal: Some(seal), .. } = said else { panic!("{said:?}") };
            assert_eq!((seal.tag, seal.counter), (Tag::VerifiedWithoutAuthKey, step));
        }
    }
    // It takes the encryption key, and every bit of the frame.
    let other = Keys { key: Key::new([1; 16]), ..keys() };
    assert_eq!(rejected(&events(&bare(7), Some(other))[0]).1, RejectReason::WrongKey);
    let whole = bare(7);
    for place in 10..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        assert_eq!(numbers(&events(&damaged, Some(keys()))), [0; 0], "byte {place}");
    }
}

#[test]
fn a_damaged_header_is_no_wrong_key_once_the_key_fitted() {
    let mut damaged = sealed(8);
    // The frame counter, which all the text depends on.
    damaged[16] ^= 1;
    let said = events(&damaged, Some(keys()));
    assert_eq!(rejected(&said[0]).1, RejectReason::WrongKey);
    let said = events(&[sealed(7), damaged].concat(), Some(keys()));
    assert_eq!(numbers(&said), [7]);
    assert_eq!(rejected(&said[1]).1, RejectReason::DamagedCipher);
    // And a damaged tag is no wrong authentication key.
    let mut damaged = sealed(8);
    *damaged.last_mut().expect("a tag") ^= 1;
    assert_eq!(rejected(&events(&damaged, Some(keys()))[0]).1, RejectReason::WrongAuthKey);
    let said = events(&[sealed(7), damaged].concat(), Some(keys()));
    assert_eq!(rejected(&said[1]).1, RejectReason::DamagedCipher);
}

#[test]
fn a_frame_without_a_tag_is_taken_when_that_is_allowed() {
    let envelope = Envelope { authenticated: false, ..Envelope::new(TITLE, 7) };
    let frame = seal(&telegram(7), &envelope, &keys());
    let said = events(&frame, Some(keys()));
    assert_eq!(rejected(&said[0]), (0, RejectReason::WrongAuthKey, frame.len(), Some(Tag::Missing)));
    let allowing = Keys { allow_unverified_tag: true, ..keys() };
    let said = events(&frame, Some(allowing.clone()));
    assert!(matches!(&said[..], [Said::Frame { proof: Proof::Unauthenticated, .. }]), "{said:?}");
    let mut damaged = frame;
    damaged[40] ^= 4;
    let said = events(&damaged, Some(allowing.clone()));
    assert!(matches!(rejected(&said[0]).1, RejectReason::Crc { .. }));
    let said = events(&damaged, Some(Keys { key: Key::new([1; 16]), ..allowing }));
    assert_eq!(rejected(&said[0]).1, RejectReason::WrongKey);
}
