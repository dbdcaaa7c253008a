use hopguard_core::event::{Event, Record, Source};
use hopguard_core::propagator::Inbound;
use hopguard_core::{ChainId, Counter, Credit, Lineage, Token, Verdict, Xray};
use tracing::{debug, warn};

use crate::admission::blocked::Place;
use crate::admission::{Arrived, Invocation, Judged, root_chain};
use crate::objects::{self, KnownHead, KnownObject};
use crate::scope::Arrival;

impl Invocation {
    /// Judges every record of an event, with what is known of the objects that they name.
    pub(super) fn judge(&self, event: &Event<'_>, known: Vec<Vec<Option<KnownObject>>>) -> Judged {
        let mut judged = Judged { arrivals: Vec::with_capacity(event.records().len()), blocked: Vec::new() };
        if let Some(called) = &self.called {
            let arrival = self.arrive(called.clone(), None, || root_chain(&self.context));
            let whole = Place { source: Source::Invoke, synchronous: true, ..Place::default() };
            self.judge_one(&mut judged, &whole, arrival, Xray::default());
            return judged;
        }
        let mut known = known.into_iter();
        for (index, record) in event.records().iter().enumerate() {
            let xray = self.xray_of(record);
            let arrival = self.arrival(record, &xray, known.next().unwrap_or_default());
            let place = Place {
                index,
                source: record.source,
                json: event.json(record),
                id: record.id.as_deref(),
                group: record.group.as_deref(),
                origin: record.origin.as_deref(),
                synchronous: record.source == Source::Http,
            };
            self.judge_one(&mut judged, &place, arrival, xray);
        }
        judged
    }

    fn judge_one(&self, judged: &mut Judged, place: &Place<'_>, arrival: Arrival, xray: Xray) {
        let Lineage { chain, hop, visits, .. } = arrival.lineage;
        let (visits, source) = (visits.of(self.function), place.source.name());
        match self.verdict(&arrival, xray) {
            Verdict::Block(reason) => {
                self.shared.count(Counter::Blocked);
                warn!(target: "hopguard", source, %chain, hop, visits, reason = reason.name(), limit = %reason, "record blocked");
                let token = arrival
                    .inbound
                    .lineage
                    .map(|sent| Token::new(&sent, self.shared.settings.signing_keys.as_ref()));
                judged.blocked.push(place.blocked(arrival.lineage, reason, token));
                return;
            }
            Verdict::Warn(reason) => {
                self.shared.count(Counter::Warned);
                warn!(target: "hopguard", source, %chain, hop, visits, reason = reason.name(), limit = %reason, "record near or beyond a limit");
            }
            Verdict::Allow => {
                self.shared.count(Counter::Allowed);
                debug!(target: "hopguard", source, %chain, hop, visits, "record allowed");
            }
        }
        judged.arrivals.push(Arrived { index: place.index, id: place.id.map(Box::from), arrival });
    }

    fn verdict(&self, arrival: &Arrival, xray: Xray) -> Verdict {
        let policy = &self.shared.settings.policy;
        if arrival.carried {
            return policy.judge(&arrival.lineage, self.function);
        }
        match (xray.seen.map(|seen| policy.judge_aws_lineage(seen)), xray.root) {
            (Some(warning @ Verdict::Warn(_)), _) => warning,
            (_, Some(root)) if root == arrival.lineage.chain => {
                policy.judge_shared_root(self.shared.see(root))
            }
            _ => Verdict::Allow,
        }
    }

    /// The X-Ray header that came with a record: SQS keeps each message's own, everything else has the invocation's.
    fn xray_of(&self, record: &Record<'_>) -> Xray {
        match record.source {
            Source::Sqs => record.xray,
            _ => Xray::parse(self.context.xray_trace_id.as_deref().unwrap_or_default()),
        }
    }

    fn arrival(&self, record: &Record<'_>, xray: &Xray, known: Vec<Option<KnownObject>>) -> Arrival {
        let id = record.id.as_deref();
        let root = || {
            let named = || id.map(|id| ChainId::derived(record.source.name(), id.as_bytes()));
            xray.root.or_else(named).unwrap_or_else(|| root_chain(&self.context))
        };
        let own = self.arrive(record.inbound.clone(), None, root);
        let objects = objects::named(record)
            .zip(known)
            .filter_map(|(object, known)| Some(objects::head_of(object, known?)));
        let named: Vec<Arrival> = objects.map(|(inbound, head)| self.arrive(inbound, head, root)).collect();
        if named.is_empty() { own } else { self.merge(own, &named) }
    }

    /// A record may name several objects: what was carried counts, merged.
    fn merge(&self, own: Arrival, named: &[Arrival]) -> Arrival {
        let heads = named.iter().flat_map(|arrival| arrival.heads.iter().cloned()).collect();
        let mut carried: Vec<Arrival> =
            std::iter::once(&own).chain(named).filter(|arrival| arrival.carried).cloned().collect();
        let exceeded = carried.iter().any(|arrival| arrival.lineage.credit == Credit::Exceeded);
        let credit = self.shared.settings.policy.branch_credit;
        let merged = Lineage::merge(carried.iter().map(|arrival| &arrival.lineage), credit);
        carried.sort_by_key(|arrival| std::cmp::Reverse(arrival.lineage.hop));
        let mut arrival = carried.into_iter().next().unwrap_or(own);
        arrival.lineage = merged.unwrap_or(arrival.lineage);
        if exceeded {
            arrival.lineage.credit = Credit::Exceeded;
        }
        arrival.heads = heads;
        arrival
    }

    fn arrive(&self, inbound: Inbound, head: Option<KnownHead>, root: impl FnOnce() -> ChainId) -> Arrival {
        if let Some(rejected) = inbound.rejected {
            self.shared.count(Counter::Rejected);
            warn!(target: "hopguard", reason = rejected.reason(), error = %rejected, "lineage rejected");
        }
        let chain = || inbound.parent.map_or_else(root, |parent| parent.trace);
        let lineage = match inbound.lineage {
            Some(sent) => sent.arrive(self.function, self.shared.settings.policy.branch_credit),
            None => Lineage::root(chain(), self.function, self.shared.settings.policy.branch_credit),
        };
        Arrival { lineage, carried: inbound.lineage.is_some(), inbound, heads: head.into_iter().collect() }
    }
}
