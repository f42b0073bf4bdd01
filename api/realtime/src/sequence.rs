//! In which order positions are relayed, whatever is heard: each once, in the order of the log. Pure, so that it can be
//! tested with everything that NATS and the network may do.

use domain::ids::Position;

/// Up to where a server has relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    relayed: Position,
    /// The head of the log when it was last looked at.
    looked: Position,
}

/// What a message is, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The next one: relay it.
    Next,
    /// Relayed already: drop it.
    Repeat,
    /// Something before it is missing: read on in the log.
    Gap,
}

impl Sequence {
    /// Everything up to this position counts as relayed.
    pub(super) const fn after(position: Position) -> Self {
        Self { relayed: position, looked: position }
    }

    /// Up to where everything is relayed.
    pub(super) const fn relayed(&self) -> Position {
        self.relayed
    }

    /// A message came. `Next` counts as relayed from now on.
    pub(super) fn hear(&mut self, position: Position) -> Heard {
        if position <= self.relayed {
            Heard::Repeat
        } else if position == self.relayed.next() {
            self.relayed = position;
            Heard::Next
        } else {
            Heard::Gap
        }
    }

    /// The next event of the log was read; whether to relay it.
    pub(super) fn read(&mut self, position: Position) -> bool {
        let new = position > self.relayed;
        self.relayed = self.relayed.max(position);
        new
    }

    /// The log was looked at from time to time and is at `head` now; whether to read on in it. While messages are
    /// expected, only what was there at the last look already is late.
    pub(super) fn look(&mut self, head: Position, messages_expected: bool) -> bool {
        let due = if messages_expected { self.looked } else { head };
        self.looked = head;
        due > self.relayed
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Happening {
        /// The log grows by so many events.
        Grows(u64),
        /// A message comes with this part of what there is: repeated, out of order, or with others lost before it.
        Message(prop::sample::Index),
        /// The next message comes, as it should.
        NextMessage,
        /// It is time to look at the log.
        Look { messages_expected: bool },
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let happening = prop_oneof![
            (0..5_u64).prop_map(Happening::Grows),
            any::<prop::sample::Index>().prop_map(Happening::Message),
            Just(Happening::NextMessage),
            any::<bool>().prop_map(|messages_expected| Happening::Look { messages_expected }),
        ];
        vec(happening, 0..200)
    }

    /// What the relay does around the sequence, without the servers.
    struct Relay {
        sequence: Sequence,
        head: u64,
        sent: Vec<u64>,
    }

    impl Relay {
        fn hear(&mut self, position: u64) {
            match self.sequence.hear(Position::from(position)) {
                Heard::Next => self.sent.push(position),
                Heard::Repeat => {}
                Heard::Gap => self.catch_up(),
            }
        }

        fn look(&mut self, messages_expected: bool) {
            if self.sequence.look(Position::from(self.head), messages_expected) {
                self.catch_up();
            }
        }

        fn catch_up(&mut self) {
            for position in self.sequence.relayed().get() + 1..=self.head {
                if self.sequence.read(Position::from(position)) {
                    self.sent.push(position);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_heard_each_position_is_relayed_once_and_in_order(start in 0..3_u64, happenings in happenings()) {
            let mut relay = Relay { sequence: Sequence::after(Position::from(start)), head: start, sent: Vec::new() };
            for happening in happenings {
                match happening {
                    Happening::Grows(by) => relay.head += by,
                    Happening::Message(which) if relay.head > 0 => {
                        relay.hear(which.index(usize::try_from(relay.head).unwrap()) as u64 + 1);
                    }
                    Happening::Message(_) => {}
                    Happening::NextMessage => {
                        let next = relay.sequence.relayed().get() + 1;
                        if next <= relay.head {
                            relay.hear(next);
                        }
                    }
                    Happening::Look { messages_expected } => relay.look(messages_expected),
                }
                let expected: Vec<u64> = (start + 1..=relay.sequence.relayed().get()).collect();
                prop_assert_eq!(&relay.sent, &expected);
            }
            relay.look(true);
            relay.look(true);
            prop_assert_eq!(relay.sequence.relayed().get(), relay.head, "two looks at a silent NATS fill in everything");
        }
    }

    #[test]
    fn a_message_that_is_merely_on_its_way_is_waited_for() {
        let mut sequence = Sequence::after(Position::from(7));
        assert!(!sequence.look(Position::from(8), true), "it was just written");
        assert!(sequence.look(Position::from(8), true), "it was there at the last look");
        assert!(Sequence::after(Position::from(7)).look(Position::from(8), false), "nothing will come");
    }
}
