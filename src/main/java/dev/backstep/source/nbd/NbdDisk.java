package dev.backstep.source.nbd;

import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.SourceDefinition.DiskDefinition;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdException;
import dev.backstep.nbd.NbdExtents;
import dev.backstep.nbd.NbdReader;
import dev.backstep.nbd.NbdUri;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** One export of an NBD server. */
final class NbdDisk implements SourceDisk {

  /** The operator's name for this snapshot's moment: the bitmap that is exported next time. */
  private static final String CHANGE_ID = "change-id";

  private static final String CONNECTIONS = "connections";
  private static final String SNAPSHOT = "snapshot";
  private static final String STABLE = "stable";

  private final DiskDefinition definition;
  private final NbdUri uri;
  private final long sizeBytes;

  private NbdDisk(DiskDefinition definition, NbdUri uri, long sizeBytes) {
    this.definition = definition;
    this.uri = uri;
    this.sizeBytes = sizeBytes;
  }

  /** Asks the server for the export. */
  static NbdDisk find(DiskDefinition definition) throws SourceException {
    String disk = "disk " + definition.key() + ": ";
    try {
      NbdUri uri = NbdUri.parse(definition.location());
      try (NbdConnection connection = connect(uri, List.of())) {
        return new NbdDisk(definition, uri, connection.export().sizeBytes());
      }
    } catch (NbdException e) {
      boolean missing = e.kind() == NbdException.Kind.UNKNOWN_EXPORT;
      throw new SourceException(
          missing ? SourceException.Kind.NOT_FOUND : SourceException.Kind.FAILED,
          disk + e.getMessage(),
          e);
    } catch (IOException | IllegalArgumentException e) {
      throw new SourceException(SourceException.Kind.FAILED, disk + e.getMessage(), e);
    }
  }

  /** Whether the operator promises that the export never changes. */
  static boolean isStable(DiskDefinition definition) {
    return STABLE.equals(definition.settings().get(SNAPSHOT));
  }

  private static NbdConnection connect(NbdUri uri, List<String> contexts) throws IOException {
    return NbdConnection.open(uri, contexts, NbdConnection.STALL_DEFAULT);
  }

  @Override
  public DiskKey key() {
    return definition.key();
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public Optional<ChangeId> changeId() {
    return Optional.ofNullable(definition.settings().get(CHANGE_ID)).map(ChangeId::new);
  }

  @Override
  public boolean tracksGrowth() {
    return false;
  }

  @Override
  public void allocated(ExtentVisitor visitor) throws IOException {
    try (NbdConnection connection = connect(uri, List.of(NbdExtents.ALLOCATION))) {
      NbdExtents.allocated(connection, visitor);
    }
  }

  @Override
  public ChangedAnswer changed(ChangeId since, ExtentVisitor visitor) throws IOException {
    String context = NbdExtents.DIRTY_BITMAP + since.value();
    try (NbdConnection connection = connect(uri, List.of(context, NbdExtents.ALLOCATION))) {
      if (connection.export().grants(context)) {
        NbdExtents.dirty(connection, since.value(), visitor);
        return new ChangedAnswer.Known();
      }
    }
    List<String> offered =
        NbdConnection.listContexts(uri, NbdExtents.DIRTY_BITMAP, NbdConnection.STALL_DEFAULT);
    return offered.isEmpty()
        ? new ChangedAnswer.Unavailable(uri + " offers no dirty bitmap")
        : new ChangedAnswer.Reset(
            uri + " offers " + String.join(", ", offered) + ", but not " + context);
  }

  @Override
  public BlockReader open(int blocksInFlight) throws IOException {
    int connections = Integer.parseInt(definition.settings().getOrDefault(CONNECTIONS, "1"));
    NbdReader reader = NbdReader.open(uri, connections, blocksInFlight);
    if (reader.sizeBytes() != sizeBytes) {
      long now = reader.sizeBytes();
      reader.close();
      throw new SourceException(
          SourceException.Kind.FAILED,
          "disk "
              + key()
              + ": "
              + uri
              + " had "
              + sizeBytes
              + " bytes when the backup began and has "
              + now
              + " now; what a server exports must not change during a backup");
    }
    return reader;
  }
}
