//! How much of what clients do is worth a line in the log: some programs connect anew for every telegram.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Addresses remembered; of more than these every one is news.
const MOST: usize = 256;

/// Lets one line through for each address in each `pause`.
#[derive(Debug)]
pub(super) struct Told {
    pause: Duration,
    at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Told {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, at: Mutex::default() }
    }

    /// Whether something about `address` is to be told aloud now.
    pub(super) fn news(&self, address: IpAddr, now: Instant) -> bool {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.get(&address).is_some_and(|told| now < *told + self.pause) {
            return false;
        }
        if at.len() >= MOST {
            at.retain(|_, told| now < *told + self.pause);
        }
        if at.len() < MOST {
            at.insert(address, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_news_once_a_pause() {
        let told = Told::new(Duration::from_secs(60));
        let (one, two) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(told.news(one, start) && told.news(two, after(1)));
        assert!(!told.news(one, after(59)) && told.news(one, after(60)) && !told.news(two, after(60)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let told = Told::new(Duration::from_secs(60));
        let now = Instant::now();
        for n in 0..1_000_u32 {
            assert!(told.news(IpAddr::from(n.to_be_bytes()), now));
        }
        assert_eq!(told.at.lock().unwrap().len(), MOST);
    }
}
