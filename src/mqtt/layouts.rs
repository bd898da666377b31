//! The layouts of a broker's settings, as what the driver renders with.

use std::sync::Arc;

use super::task::Render;
use crate::feed::MeterId;
use crate::meter::Reading;
use crate::publish::{Context, Layout, LayoutError, LayoutSettings, Message};

/// Tells how many telegrams of a meter were rejected since the start; DSMR-reader's layout publishes it.
pub type Rejected = Arc<dyn Fn(&MeterId) -> u64 + Send + Sync>;

/// All layouts of one broker.
pub(super) struct Layouts {
    layouts: Vec<Layout>,
    rejected: Rejected,
}

impl Layouts {
    /// Builds them.
    pub(super) fn new(settings: &[LayoutSettings], rejected: Rejected) -> Result<Self, LayoutError> {
        Ok(Self { layouts: settings.iter().map(Layout::new).collect::<Result<_, _>>()?, rejected })
    }
}

impl Render for Layouts {
    fn reading(&mut self, meter: &MeterId, reading: &Reading, out: &mut Vec<Message>) {
        let context = Context { meter: &meter.name, rejected: (self.rejected)(meter) };
        for layout in &mut self.layouts {
            layout.messages(context, reading, out);
        }
    }

    fn link(&mut self, meter: &MeterId, online: bool, out: &mut Vec<Message>) {
        for layout in &mut self.layouts {
            layout.link(&meter.name, online, out);
        }
    }
}
