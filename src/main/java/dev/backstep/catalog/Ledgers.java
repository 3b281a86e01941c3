package dev.backstep.catalog;

import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.Ledger;
import dev.backstep.domain.Proof;
import dev.backstep.domain.Proven;
import dev.backstep.domain.Status;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BiConsumer;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * Answers what restore points have been through. What is proven of a chain as a whole is so of a
 * disk only when every image that it stands on has passed, and as of the one that did longest ago.
 * Changes nothing. Safe for use by several threads.
 */
public final class Ledgers {

  private static final int IDS_PER_QUERY = 500;

  private final JdbcClient jdbc;

  public Ledgers(DataSource dataSource) {
    this.jdbc = JdbcClient.create(dataSource);
  }

  /** Puts the ledgers of a backup's disks into its row. */
  public BackupRow in(BackupRow backup) {
    return in(List.of(backup)).getFirst();
  }

  /** Puts the ledgers of their disks into rows. */
  public List<BackupRow> in(List<BackupRow> backups) {
    Map<String, Optional<String>> bases = new HashMap<>();
    for (BackupRow backup : backups) {
      for (BackupDiskRow disk : backup.disks()) {
        if (disk.status() == Status.COMPLETED) {
          bases.put(disk.id().value(), disk.baseId().map(DiskBackupId::value));
        }
      }
    }
    addAllBelow(bases);
    Chains chains = new Chains(bases, proofs(bases.keySet()));
    return backups.stream().map(backup -> in(backup, chains)).toList();
  }

  /** Level by level, so that one statement asks for as many images as possible. */
  private void addAllBelow(Map<String, Optional<String>> bases) {
    Set<String> unknown = new HashSet<>();
    bases.values().forEach(base -> base.ifPresent(unknown::add));
    unknown.removeAll(bases.keySet());
    while (!unknown.isEmpty()) {
      Map<String, Optional<String>> found = new HashMap<>();
      inParts(
          "select id, base_id from backup_disks where id in (:ids)",
          unknown,
          (sql, ids) ->
              jdbc.sql(sql)
                  .param("ids", ids)
                  .query(row -> {
                    found.put(row.getString("id"), Optional.ofNullable(row.getString("base_id")));
                  }));
      bases.putAll(found);
      unknown.clear();
      found.values().forEach(base -> base.ifPresent(unknown::add));
      unknown.removeAll(bases.keySet());
    }
  }

  private Map<String, Map<Proof, Proven>> proofs(Collection<String> images) {
    Map<String, Map<Proof, Proven>> proofs = new HashMap<>();
    inParts(
        "select * from image_proofs where disk_backup_id in (:ids)",
        images,
        (sql, ids) ->
            jdbc.sql(sql)
                .param("ids", ids)
                .query(row -> {
                  long execution = row.getLong("execution_id");
                  Proven proven =
                      new Proven(
                          UtcTime.read(row, "proven_at"),
                          row.wasNull() ? OptionalLong.empty() : OptionalLong.of(execution));
                  proofs
                      .computeIfAbsent(
                          row.getString("disk_backup_id"), id -> new EnumMap<>(Proof.class))
                      .put(Proof.valueOf(row.getString("proof")), proven);
                }));
    return proofs;
  }

  private static void inParts(
      String sql, Collection<String> ids, BiConsumer<String, List<String>> ask) {
    List<String> all = List.copyOf(ids);
    for (int from = 0; from < all.size(); from += IDS_PER_QUERY) {
      ask.accept(sql, all.subList(from, Math.min(from + IDS_PER_QUERY, all.size())));
    }
  }

  private static BackupRow in(BackupRow backup, Chains chains) {
    return backup.withDisks(
        backup.disks().stream()
            .map(disk ->
                disk.status() == Status.COMPLETED
                    ? disk.with(ledger(backup, disk, chains.of(disk.id().value())))
                    : disk)
            .toList());
  }

  private static Ledger ledger(BackupRow backup, BackupDiskRow disk, Map<Proof, Proven> proofs) {
    Map<Proof, Proven> all = new EnumMap<>(Proof.class);
    all.putAll(proofs);
    disk.completedAt()
        .ifPresent(at -> all.put(Proof.WRITTEN, new Proven(at, backup.executionId())));
    return new Ledger(all);
  }

  /** What is proven of images and of all below them. */
  private record Chains(
      Map<String, Optional<String>> bases,
      Map<String, Map<Proof, Proven>> own,
      Map<String, Map<Proof, Proven>> known) {

    Chains(Map<String, Optional<String>> bases, Map<String, Map<Proof, Proven>> own) {
      this(bases, own, new HashMap<>());
    }

    /** From the lowest image that is not known yet upwards. */
    Map<Proof, Proven> of(String top) {
      Set<String> seen = new LinkedHashSet<>();
      Deque<String> open = new ArrayDeque<>();
      Optional<String> next = Optional.of(top);
      while (next.isPresent() && !known.containsKey(next.get()) && seen.add(next.get())) {
        open.push(next.get());
        next = bases.getOrDefault(next.get(), Optional.empty());
      }
      while (!open.isEmpty()) {
        String image = open.pop();
        Optional<String> base = bases.getOrDefault(image, Optional.empty());
        known.put(image, on(own.getOrDefault(image, Map.of()), base));
      }
      return known.getOrDefault(top, Map.of());
    }

    private Map<Proof, Proven> on(Map<Proof, Proven> image, Optional<String> base) {
      if (base.isEmpty()) {
        return image;
      }
      Map<Proof, Proven> below = known.getOrDefault(base.get(), Map.of());
      Map<Proof, Proven> both = new EnumMap<>(Proof.class);
      image.forEach((proof, proven) -> {
        Proven lower = below.get(proof);
        if (!proof.ofChain() || proof == Proof.CHECKSUMMED && lower != null) {
          both.put(proof, proven);
        } else if (lower != null) {
          both.put(proof, older(proven, lower));
        }
      });
      return both;
    }

    private static Proven older(Proven one, Proven other) {
      Instant at = one.at();
      return at.isBefore(other.at()) ? one : other;
    }
  }
}
