//! The queue's rules one at a time; `tests/it/queue.rs` holds its laws over random histories.

use super::*;

const HOUR: u64 = 3_600_000;

fn queue() -> DedupQueue {
    DedupQueue::new(QueueSettings::default())
}

fn message(topic: &str, payload: &'static str) -> Message {
    Message { topic: topic.into(), payload: Bytes::from_static(payload.as_bytes()) }
}

/// Sends and acknowledges all there is; what was sent.
fn drain(queue: &mut DedupQueue, now: u64) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some((token, message)) = queue.next(now) {
        sent.push(format!("{}={}", message.topic, String::from_utf8_lossy(&message.payload)));
        queue.acked(token, now);
    }
    assert!(queue.stats().balances(), "{:?}", queue.stats());
    sent
}

#[test]
fn a_b_a_is_three_messages() {
    let mut queue = queue();
    for payload in ["A", "B", "A"] {
        assert_eq!(queue.offer(message("t", payload), 0), Offer::Queued);
        assert_eq!(drain(&mut queue, 0), [format!("t={payload}")]);
    }
}

#[test]
fn the_hour_runs_from_sending_and_duplicates_do_not_extend_it() {
    let mut queue = queue();
    let mut sent = Vec::new();
    for second in 0..3 * 3_600 {
        // Telegrams come a few milliseconds early or late.
        let now = second * 1_000 + 20 - second % 7;
        queue.offer(message("t", "A"), now);
        if !drain(&mut queue, now).is_empty() {
            sent.push(second);
        }
    }
    assert_eq!(sent, [0, 3_600, 7_200]);
}

#[test]
fn without_a_cache_only_what_waits_is_deduplicated() {
    let mut queue = DedupQueue::new(QueueSettings { cache: Duration::ZERO, ..Default::default() });
    assert_eq!(queue.offer(message("t", "A"), 0), Offer::Queued);
    assert_eq!(queue.offer(message("t", "A"), 0), Offer::Deduplicated);
    drain(&mut queue, 0);
    assert_eq!(queue.offer(message("t", "A"), 1), Offer::Queued);
}

#[test]
fn the_newest_waits() {
    let mut queue = queue();
    assert_eq!(queue.offer(message("t", "A"), 0), Offer::Queued);
    assert_eq!(queue.offer(message("u", "A"), 0), Offer::Queued);
    assert_eq!(queue.offer(message("t", "B"), 0), Offer::Superseded);
    assert_eq!(queue.pending(), 2);
    assert_eq!(drain(&mut queue, 0), ["t=B", "u=A"]);
}

#[test]
fn back_to_what_is_in_flight_drops_what_waits() {
    let mut queue = queue();
    queue.offer(message("t", "A"), 0);
    let (token, _) = queue.next(0).expect("waits");
    assert_eq!(queue.offer(message("t", "B"), 0), Offer::Queued);
    assert_eq!(queue.next(0), None);
    assert_eq!(queue.offer(message("t", "A"), 0), Offer::Deduplicated);
    queue.acked(token, 0);
    assert_eq!(drain(&mut queue, 0), [""; 0]);
    assert_eq!(queue.offer(message("t", "A"), 0), Offer::Deduplicated);
}

#[test]
fn back_to_what_the_broker_holds_drops_what_waits() {
    let mut queue = queue();
    queue.offer(message("t", "A"), 0);
    drain(&mut queue, 0);
    queue.offer(message("t", "B"), 1);
    assert_eq!(queue.offer(message("t", "A"), 2), Offer::Deduplicated);
    assert_eq!(drain(&mut queue, 3), [""; 0]);
}

#[test]
fn a_lost_message_is_sent_again_and_the_broker_unknown() {
    let mut queue = queue();
    queue.offer(message("t", "A"), 0);
    drain(&mut queue, 0);
    queue.offer(message("t", "B"), 1);
    let (token, _) = queue.next(1).expect("waits");
    queue.offer(message("t", "A"), 2);
    queue.lost(token);
    // B may have arrived, so A is no duplicate of the A before it.
    assert_eq!(drain(&mut queue, 3), ["t=A"]);
    queue.acked(token, 3);
    assert_eq!(queue.stats().superseded, 1);
    assert!(queue.stats().balances());
}

#[test]
fn an_acknowledgement_of_an_old_session_says_nothing() {
    let mut queue = queue();
    queue.offer(message("t", "A"), 0);
    let (old, _) = queue.next(0).expect("waits");
    queue.link_lost();
    queue.offer(message("t", "B"), 1);
    let (new, _) = queue.next(1).expect("waits");
    queue.acked(old, 2);
    assert_eq!(queue.in_flight(), 1);
    queue.lost(new);
    assert_eq!(drain(&mut queue, 3), ["t=B"]);
}

#[test]
fn a_refused_message_does_not_loop() {
    let mut queue = queue();
    queue.offer(message("t", "A"), 0);
    drain(&mut queue, 0);
    queue.offer(message("t", "B"), 1);
    let (token, _) = queue.next(1).expect("waits");
    queue.offer(message("t", "A"), 1);
    queue.refused(token, Refusal::Broker);
    // The broker still holds A.
    assert_eq!(drain(&mut queue, 2), [""; 0]);
    assert_eq!(queue.offer(message("t", "B"), 2), Offer::Queued);
    assert_eq!(queue.stats().dropped_by_broker, 1);
}

#[test]
fn a_returned_message_keeps_what_the_broker_holds() {
    let mut queue = queue();
    queue.offer(message("t", "A"), 0);
    drain(&mut queue, 0);
    queue.offer(message("t", "B"), 1);
    let (token, _) = queue.next(1).expect("waits");
    queue.returned(token);
    assert_eq!(queue.offer(message("t", "A"), 2), Offer::Deduplicated);
    assert_eq!(drain(&mut queue, 2), [""; 0]);
}

#[test]
fn all_is_said_again_what_waits_first() {
    let mut queue = queue();
    for topic in ["a", "b", "c"] {
        queue.offer(message(topic, "1"), 0);
    }
    queue.offer(message("d", ""), 0);
    drain(&mut queue, 0);
    queue.offer(message("c", "2"), 1);
    queue.forget_all();
    assert_eq!(drain(&mut queue, 1), ["c=2", "a=1", "b=1", "d="]);
    assert_eq!(queue.stats().repeated, 3);
}

#[test]
fn the_table_of_topics_is_bounded() {
    let mut queue = DedupQueue::new(QueueSettings { max_topics: 2, ..Default::default() });
    queue.offer(message("a", "1"), 0);
    queue.offer(message("b", ""), 0);
    assert_eq!(queue.offer(message("c", "1"), 0), Offer::Dropped);
    drain(&mut queue, 0);
    // A cleared topic makes room.
    assert_eq!(queue.offer(message("c", "1"), 0), Offer::Queued);
    assert_eq!(queue.offer(message("b", ""), 0), Offer::Dropped);
    assert_eq!(queue.topics(), 2);
    assert_eq!(drain(&mut queue, HOUR), ["c=1"]);
    assert_eq!(queue.stats().dropped_table_full, 2);
}
