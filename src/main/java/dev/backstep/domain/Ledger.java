package dev.backstep.domain;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a disk of a restore point, or all of them, have been through. */
public record Ledger(Map<Proof, Proven> proofs) {

  /** Nothing is known. */
  public static final Ledger EMPTY = new Ledger(Map.of());

  public Ledger {
    proofs = Map.copyOf(proofs);
  }

  public Optional<Proven> find(Proof proof) {
    return Optional.ofNullable(proofs.get(proof));
  }

  /** The one that proves most. */
  public Optional<Proof> strongest() {
    return Arrays.stream(Proof.values()).filter(proofs::containsKey).reduce((less, more) -> more);
  }

  /** What all of several have been through, each as of the one that did longest ago. */
  public static Ledger ofAll(Collection<Ledger> ledgers) {
    Map<Proof, Proven> all = new EnumMap<>(Proof.class);
    for (Proof proof : Proof.values()) {
      List<Proven> each =
          ledgers.stream().map(ledger -> ledger.find(proof)).flatMap(Optional::stream).toList();
      if (!each.isEmpty() && each.size() == ledgers.size()) {
        all.put(proof, each.stream().min(Comparator.comparing(Proven::at)).orElseThrow());
      }
    }
    return new Ledger(all);
  }
}
