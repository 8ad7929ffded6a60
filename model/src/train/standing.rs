//! What a batch without a finite loss or gradient does to a run, and what a roll-back returns to.
//!
//! ```text
//!            finite              bad                 bad, and something is good
//!  Untried ────────▶ Proven     Untried ──▶ Doubted ───────────────────────────▶ Proven, at what was good
//!  Doubted ────────▶ Proven     Proven ──▶ Proven, at what was good
//! ```
//! The weights that an epoch begins with are good once a batch has shown that their loss and gradient are finite: the update before, which
//! made them, may have been the one that went too far.

use super::state::Good;
use super::{NonFinite, Trainer};
use crate::{Element, Error};

/// Roll-backs that are borne before a run is given up.
const ROLL_BACKS: u64 = 10;

/// What is known of the weights at this batch, where the policy may want to return to earlier ones. Else they count as proven.
pub(super) enum Standing<T> {
    /// A batch since the start of the epoch was finite. The next bad one is the fault of the updates since.
    Proven,
    /// None has been yet with these weights, which are kept: they are good if one is. The next bad one may be bad itself.
    Untried(Good<T>),
    /// The last batch was bad, and none has been finite with these weights. After another nobody has shown that they are not bad.
    Doubted(Good<T>),
}

impl<T: Element> Trainer<T> {
    /// That of the weights at the start of an epoch, or of what is left of it.
    pub(super) fn standing(&self) -> Standing<T> {
        let state = &self.state;
        let is_unproven = state.clock.batch == 0 || state.doubted || state.good.is_none();
        if self.plan.non_finite != NonFinite::RollBack || !is_unproven {
            return Standing::Proven;
        }
        let now =
            Good { layers: self.model.layers.clone(), memory: state.memory.clone(), updates: state.clock.updates };
        if state.doubted { Standing::Doubted(now) } else { Standing::Untried(now) }
    }

    /// Takes note of a batch that was finite, with the weights from before its update.
    pub(super) fn prove(&mut self, standing: &mut Standing<T>) {
        self.state.doubted = false;
        if matches!(standing, Standing::Proven) {
            return;
        }
        if let Standing::Untried(then) | Standing::Doubted(then) = std::mem::replace(standing, Standing::Proven) {
            self.state.good = Some(then);
        }
    }

    /// Does what the policy says about a batch that was not.
    pub(super) fn bear(&mut self, what: &'static str, standing: &mut Standing<T>) -> Result<(), Error> {
        match self.plan.non_finite {
            NonFinite::Stop => return Err(self.non_finite(what)),
            NonFinite::Skip => {}
            NonFinite::RollBack if self.state.roll_backs >= ROLL_BACKS => return Err(self.non_finite(what)),
            NonFinite::RollBack => {
                self.state.roll_backs += 1;
                self.state.rate_factor *= 0.5;
                *standing = self.rolled_back(std::mem::replace(standing, Standing::Proven));
            }
        }
        self.state.doubted = matches!(standing, Standing::Doubted(_));
        self.state.sums.skipped += 1;
        Ok(())
    }

    /// Goes back where the weights may be to blame, and there is something to go back to.
    fn rolled_back(&mut self, standing: Standing<T>) -> Standing<T> {
        match (standing, &self.state.good) {
            (Standing::Untried(now), _) | (Standing::Doubted(now), None) => Standing::Doubted(now),
            (Standing::Proven | Standing::Doubted(_), Some(good)) => {
                self.model.layers.clone_from(&good.layers);
                self.state.memory.clone_from(&good.memory);
                self.state.clock.updates = good.updates;
                Standing::Proven
            }
            (Standing::Proven, None) => Standing::Proven,
        }
    }

    /// What the caller has changed is not taken back.
    pub(super) fn forget_good(&mut self) {
        self.state.good = None;
        self.state.doubted = false;
    }
}
