//! `dsmrd notes`: what someone wrote about days, in the program that the history came from.

use dsmrd::exit;
use dsmrd::store::intake::past;

use super::Outcome;
use super::record::RecordArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    record: RecordArgs,
}

/// Shows them by day.
pub(super) fn run(args: &Args) -> Outcome {
    for past::Note { meter, day, text, origin } in past::notes(&args.record.path()?)? {
        // A note may have lines of its own.
        say!("{day}  {meter}  {}  ({origin})", text.replace('\n', "\n            "));
    }
    Ok(exit::OK)
}
