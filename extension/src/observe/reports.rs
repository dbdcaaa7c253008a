//! Where injectors send their reports: a UDP socket on the loopback interface.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use hopguard_core::Counter;
use tokio::net::UdpSocket;
use tracing::warn;

use super::observer::{Inner, Observer};
use super::report::{Call, Fault, MAX_BYTES, Report};
use super::span;
use crate::fault::panic_in;

/// Reports that are read at once before an export; the socket's own buffer holds some hundred.
const MAX_DRAINED: usize = 1_024;

impl Observer {
    /// Reads reports, for ever.
    pub(super) async fn take_reports(&self, socket: &Arc<UdpSocket>) {
        let mut datagram = [0; MAX_BYTES + 1];
        loop {
            match socket.recv(&mut datagram).await {
                Ok(length) => self.0.report(datagram.get(..length).unwrap_or_default()),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// Reads what has arrived. A handler's reports were sent before its answer, and belong into the export after that.
pub(super) fn drain(inner: &Inner, socket: &UdpSocket) {
    let mut datagram = [0; MAX_BYTES + 1];
    for _ in 0..MAX_DRAINED {
        match socket.try_recv(&mut datagram) {
            Ok(length) => inner.report(datagram.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => {}
        }
    }
}

impl Inner {
    fn report(&self, datagram: &[u8]) {
        panic_in("reports");
        let report = Report::read(datagram);
        self.counters.add(Counter::RejectedReports, report.rejected);
        for (outcome, count) in &report.outcomes {
            self.counters.add(*outcome, *count);
        }
        if let Some(call) = &report.call {
            self.called(call);
        }
        if report.begun.as_ref().is_some_and(|told| !self.begun(told)) {
            self.counters.count(Counter::RejectedReports);
        }
        if report.invocation.as_ref().is_some_and(|told| !self.told(told)) {
            self.counters.count(Counter::RejectedReports);
        }
        if let Some(fault) = &report.fault {
            self.fault(fault);
        }
    }

    /// Takes one call: for its span, and for what its invocation waited for.
    fn called(&self, call: &Call<'_>) {
        if !self.exports() {
            return;
        }
        let mut state = self.state();
        let (id, own) = match call.invocation.as_deref() {
            Some(id) => (Some(id.to_owned()), state.under_way.span(Some(id))),
            None if self.managed => {
                let only = state.under_way.only();
                (only.map(|only| only.request_id.clone()), only.map(|only| only.span))
            }
            None => {
                let caller = state.waits.caller(state.under_way.only(), call);
                (caller.map(|caller| caller.request_id.clone()), caller.map(|caller| caller.span))
            }
        };
        let after = id.as_deref().map(|id| state.waits.note(id, call)).unwrap_or_default();
        let span = span::of_call(call, id.as_deref(), own, &after);
        if !call.traced {
            self.record(&mut state, &span);
        }
        let took = call.end_ns.get().saturating_sub(call.start_ns.get());
        state.meter.calls.record(call.service(), call.operation(), took as f64 / 1e9);
    }

    /// Counts a fault; an injector reports each place once, so that its log is bounded.
    fn fault(&self, fault: &Fault<'_>) {
        self.counters.count(Counter::InjectorFaults);
        if self.state().faults.is_new(fault.injector(), fault.place()) {
            let (injector, place, error) = (fault.injector(), fault.place(), fault.error());
            warn!(target: "hopguard", injector, place, error, "injector fault: calls go out without lineage");
        }
    }
}
