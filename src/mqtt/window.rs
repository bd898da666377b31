//! Which acknowledgement is for which message.
//!
//! The client library gives no receipt for a publish. It takes requests in order and tells the packet
//! identifier of each as it sends it, so that the first in line is the one just sent.

use std::collections::VecDeque;

use crate::publish::Token;

/// What was handed to the client library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// A message of the queue.
    Queued(Token),
    /// `online`, at the start of a connection.
    Birth,
    /// `offline`, at the end of one.
    Farewell,
}

/// Messages handed over on one connection and not yet delivered.
#[derive(Debug, Default)]
pub(super) struct Window {
    handed_over: VecDeque<Sending>,
    in_flight: Vec<(u16, Sending)>,
}

impl Window {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.handed_over.len() + self.in_flight.len()
    }

    /// One more was handed over.
    pub(super) fn push(&mut self, sending: Sending) {
        self.handed_over.push_back(sending);
    }

    /// The next one was sent under this identifier. With QoS 0 it has none (0), and being sent is all there is:
    /// it is delivered now.
    pub(super) fn sent(&mut self, id: u16) -> Option<Sending> {
        let sending = self.handed_over.pop_front()?;
        if id == 0 {
            return Some(sending);
        }
        self.in_flight.push((id, sending));
        None
    }

    /// The broker acknowledged this identifier: which one is delivered. With QoS 2 an identifier may be in use
    /// again before its last PUBCOMP came; the older is meant.
    pub(super) fn acked(&mut self, id: u16) -> Option<Sending> {
        let place = self.in_flight.iter().position(|(in_flight, _)| *in_flight == id)?;
        Some(self.in_flight.remove(place).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_find_their_message() {
        let mut window = Window::default();
        window.push(Sending::Birth);
        window.push(Sending::Farewell);
        assert_eq!(window.sent(1), None);
        assert_eq!(window.sent(2), None);
        assert_eq!(window.acked(2), Some(Sending::Farewell));
        assert_eq!(window.acked(2), None);
        assert_eq!(window.len(), 1);
        assert_eq!(window.acked(1), Some(Sending::Birth));
        assert_eq!(window.acked(7), None);
    }

    #[test]
    fn without_an_identifier_sent_is_delivered() {
        let mut window = Window::default();
        window.push(Sending::Birth);
        assert_eq!(window.sent(0), Some(Sending::Birth));
        assert_eq!((window.len(), window.sent(0)), (0, None));
    }
}
