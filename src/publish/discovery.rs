//! Home Assistant's discovery: one retained document a meter and one for each device on its M-Bus, made of the topics that
//! the native layout really says.
//!
//! In reading order: [`ids`], names that Home Assistant takes; [`entity`], what it can be told of a topic; [`describe`],
//! from the name of a topic to its entity; [`maker`], who made a meter; [`document`], the JSON; [`meter`], the topics of
//! one meter and the documents they make; [`appliance`], that of dsmrd itself; [`leftover`], documents of an earlier run; [`announcer`], what is published
//! and what is removed.

mod announcer;
mod appliance;
mod describe;
mod document;
mod entity;
mod ids;
mod leftover;
mod maker;
mod meter;

pub(super) use announcer::{Announcer, Source};
