package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.nbd.NbdWriter;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** An export of an NBD server as the target of a restore. */
final class NbdOutput implements DiskOutput {

  /** Items whose writing is not answered yet, at most. */
  private static final int IN_FLIGHT_MAX = 6;

  private final NbdWriter export;
  private final Deque<CompletableFuture<Void>> inFlight = new ArrayDeque<>();

  NbdOutput(NbdWriter export) {
    this.export = export;
  }

  @Override
  public void put(Clusters item) throws IOException {
    List<CompletableFuture<Void>> parts = new ArrayList<>();
    try {
      if (item.data().isPresent()) {
        Block block = item.data().get();
        for (int i = 0; i < block.ranges().size(); i++) {
          parts.add(export.write(block.ranges().get(i).offset(), block.bytes(i)));
        }
      }
      for (ClusterMap.Run run : item.runs()) {
        if (run.kind() == ExtentKind.ZERO) {
          parts.add(export.zero(run.range().offset(), run.range().length()));
        }
      }
    } finally {
      // The memory goes back when nothing of it is sent any more, however that ends.
      CompletableFuture<Void> all =
          CompletableFuture.allOf(parts.toArray(CompletableFuture[]::new));
      inFlight.add(all.whenComplete((done, failed) -> item.close()));
    }
    while (inFlight.size() > IN_FLIGHT_MAX) {
      NbdWriter.await(inFlight.remove());
    }
  }

  @Override
  public BlockReader reader(int blocks) {
    return export.reader(blocks);
  }

  @Override
  public Optional<String> checkpoint(long position) throws IOException {
    finish();
    return Optional.of(String.valueOf(position));
  }

  @Override
  public void finish() throws IOException {
    while (!inFlight.isEmpty()) {
      NbdWriter.await(inFlight.remove());
    }
    export.flush();
  }

  @Override
  public void close() {
    export.close();
  }
}
