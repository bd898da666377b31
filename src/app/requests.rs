//! Requests from outside, of which one to stop is heard while something else takes its time.

use tokio::sync::mpsc;

use super::life::Control;

/// The requests in their order; one to stop overtakes.
#[derive(Debug)]
pub(super) struct Requests {
    receiver: mpsc::Receiver<Control>,
    /// What was heard while something was being done.
    put_off: Option<Control>,
}

impl Requests {
    /// The requests that come by a channel. When it closes nobody could ask to stop any more, so that this is one.
    pub(super) fn new(receiver: mpsc::Receiver<Control>) -> Self {
        Self { receiver, put_off: None }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Control {
        match self.put_off.take() {
            Some(control) => control,
            None => self.receiver.recv().await.unwrap_or(Control::Stop),
        }
    }

    /// Does what may be left undone when the process ends: to its end, or until somebody asks to stop. Whatever is
    /// heard meanwhile comes [next](Self::next), of several reloads one.
    pub(super) async fn unless_stopped(&mut self, work: impl Future<Output = ()>) {
        let Self { receiver, put_off } = self;
        let stop = async {
            while *put_off != Some(Control::Stop) {
                *put_off = Some(receiver.recv().await.unwrap_or(Control::Stop));
            }
        };
        tokio::select! {
            biased;
            () = stop => {}
            () = work => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_ends_what_would_take_for_ever() {
        let (sender, receiver) = mpsc::channel(4);
        let mut requests = Requests::new(receiver);
        for control in [Control::Reload, Control::Stop] {
            sender.send(control).await.expect("room");
        }
        requests.unless_stopped(std::future::pending()).await;
        // Nor is anything begun after it.
        requests.unless_stopped(async { panic!("begun") }).await;
        assert_eq!(requests.next().await, Control::Stop);
    }

    #[tokio::test]
    async fn a_reload_comes_after_what_is_being_done() {
        let (sender, receiver) = mpsc::channel(4);
        let mut requests = Requests::new(receiver);
        for _ in 0..2 {
            sender.send(Control::Reload).await.expect("room");
        }
        let mut done = false;
        let work = async {
            tokio::task::yield_now().await;
            done = true;
        };
        requests.unless_stopped(work).await;
        assert!(done);
        assert_eq!(requests.next().await, Control::Reload);
        drop(sender);
        assert_eq!(requests.next().await, Control::Stop);
    }

    #[tokio::test]
    async fn a_channel_that_closes_asks_to_stop() {
        let (sender, receiver) = mpsc::channel(4);
        let mut requests = Requests::new(receiver);
        drop(sender);
        requests.unless_stopped(std::future::pending()).await;
        assert_eq!(requests.next().await, Control::Stop);
    }
}
