package dev.backstep.job.verify;

import dev.backstep.backup.Damage;
import dev.backstep.backup.ImageCheck;
import dev.backstep.backup.SealedManifest;
import dev.backstep.blockio.NewerChecksumsException;
import dev.backstep.catalog.Backups;
import dev.backstep.catalog.FindingRow;
import dev.backstep.catalog.Proofs;
import dev.backstep.catalog.VerificationQueries;
import dev.backstep.catalog.VerificationRow;
import dev.backstep.catalog.Verifications;
import dev.backstep.catalog.VerifiedImage;
import dev.backstep.domain.ImageResult;
import dev.backstep.domain.Proof;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskJob;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.infrastructure.item.Chunk;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.batch.infrastructure.item.ItemStreamException;
import org.springframework.batch.infrastructure.item.ItemStreamReader;
import org.springframework.batch.infrastructure.item.ItemWriter;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/**
 * Walks over the images of a verification. An item is the number of the image that comes next;
 * writing it checks a part of that image and stores, in the chunk's transaction, what was found.
 */
@Component
@StepScope
class ImageWalk implements ItemStreamReader<Integer>, ItemWriter<Integer> {

  private static final Logger log = LoggerFactory.getLogger(ImageWalk.class);

  /** Of data, in one chunk. */
  private static final long PART_BYTES = 256L << 20;

  /** Keys in the step's execution context: the image in work and how far its data is checked. */
  private static final String IMAGE = "image";

  private static final String CHECKSUMS = "checksums";
  private static final String BYTES = "bytes";
  private static final String DAMAGES = "damages";
  private static final String EDITION = "edition";

  private final String id;
  private final long execution;
  private final RunningTasks running;
  private final Verifications verifications;
  private final VerificationQueries queries;
  private final Backups backups;
  private final Proofs proofs;

  private boolean whole;
  private List<VerifiedImage> images = List.of();
  private int index;
  private @Nullable ImageCheck check;

  /** Of the image in work: checksums compared so far, -1 before its structure was checked. */
  private long checksums = -1;

  /** Tells the image that these were of from one that has replaced it. */
  private String edition = "";

  private long bytes;
  private int damages;

  ImageWalk(
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String id,
      @Value("#{stepExecution.jobExecutionId}") long execution,
      RunningTasks running,
      Verifications verifications,
      VerificationQueries queries,
      Backups backups,
      Proofs proofs) {
    this.id = id;
    this.execution = execution;
    this.running = running;
    this.verifications = verifications;
    this.queries = queries;
    this.backups = backups;
    this.proofs = proofs;
  }

  @Override
  public void open(ExecutionContext context) {
    VerificationRow row = queries.find(id).orElseThrow();
    whole = row.whole();
    images =
        queries.images(id).stream().filter(image -> image.result() == ImageResult.PENDING).toList();
    if (!images.isEmpty() && context.getInt(IMAGE, 0) == images.getFirst().number()) {
      checksums = context.getLong(CHECKSUMS);
      bytes = context.getLong(BYTES);
      damages = context.getInt(DAMAGES);
      edition = context.getString(EDITION, "");
    }
  }

  @Override
  public @Nullable Integer read() {
    return index < images.size() ? images.get(index).number() : null;
  }

  @Override
  public void write(Chunk<? extends Integer> chunk) throws IOException {
    running.lock(id);
    VerifiedImage image = images.get(index);
    if (!queries.isCompleted(image.image())) {
      // A restore point may be deleted while others are being checked.
      verifications.done(id, image.number(), ImageResult.GONE);
      leave();
    } else if (checksums < 0) {
      structure(image);
    } else {
      data(image);
    }
  }

  private void structure(VerifiedImage image) throws IOException {
    requireRepository(image);
    ImageCheck opened = check(image);
    edition = edition(opened);
    List<Damage> damaged = new ArrayList<>(opened.structure());
    damaged.addAll(
        SealedManifest.check(
            Path.of(image.repositoryPath()), image.vm(), image.backup(), image.image()));
    if (isGone(image, damaged)) {
      return;
    }
    found(image, damaged);
    if (whole && opened.canCheckData()) {
      checksums = 0;
    } else {
      done(image, false);
    }
  }

  /** None where there is no manifest, which is a finding of its own. */
  private static String edition(ImageCheck opened) {
    try {
      return opened.edition();
    } catch (IOException e) {
      return "";
    }
  }

  /** One that is not mounted, or that a newer release writes, says nothing of its images. */
  private static void requireRepository(VerifiedImage image) throws IOException {
    Repository.open(
        Path.of(image.repositoryPath()), image.repository(), "which " + image.image() + " is in");
  }

  private void data(VerifiedImage image) throws IOException {
    ImageCheck opened = check(image);
    ImageCheck.Part part;
    try {
      if (!opened.isDataOpen()) {
        opened.openData(checksums, damages == 0);
        if (!opened.edition().equals(edition)) {
          again(image);
          return;
        }
      }
      part = opened.data(PART_BYTES);
      if (opened.isReplaced()) {
        again(image);
        return;
      }
    } catch (IOException e) {
      if (e instanceof NewerChecksumsException && damages == 0) {
        throw e; // it is as it was written, and says nothing to this release
      }
      List<Damage> unreadable = List.of(Damage.unreadable(e));
      if (!isGone(image, unreadable)) {
        found(image, unreadable);
        done(image, true);
      }
      return;
    }
    if (isGone(image, part.damages())) {
      return;
    }
    found(image, part.damages());
    checksums = part.next();
    bytes += part.bytes();
    verifications.checked(id, image.number(), bytes);
    if (part.last()) {
      done(image, true);
    }
  }

  /**
   * Whether what was found is that the image was deleted while it was looked at, or that its
   * repository is not there any more, which says nothing of it.
   */
  private boolean isGone(VerifiedImage image, List<Damage> found) throws IOException {
    if (found.isEmpty()) {
      return false;
    }
    requireRepository(image);
    if (queries.isCompleted(image.image())) {
      return false;
    }
    verifications.done(id, image.number(), ImageResult.GONE);
    leave();
    return true;
  }

  /** A merge has replaced the image: what was checked of the old one says nothing of this. */
  private void again(VerifiedImage image) throws IOException {
    log.info("{}: {} was merged meanwhile and is checked anew", id, image.image());
    close();
    verifications.forgetFindings(id, image.number());
    damages = 0;
    checksums = -1;
    bytes = 0;
  }

  private void found(VerifiedImage image, List<Damage> found) {
    for (Damage damage : found) {
      log.error(
          "{}: {} of {}, disk {}: {}", id, image.image(), image.vmName(), image.diskId(), damage);
      verifications.found(
          id,
          new FindingRow(
              image.number(),
              damage.kind().name(),
              damage.range(),
              damage.disk(),
              damage.found(),
              damage.expected()));
    }
    damages += found.size();
  }

  private void done(VerifiedImage image, boolean dataToo) throws IOException {
    if (damages > 0) {
      verifications.done(id, image.number(), ImageResult.DAMAGED);
      backups.damaged(image.image());
    } else {
      verifications.done(id, image.number(), ImageResult.CLEAN);
      proofs.proven(image.image(), Proof.STRUCTURE, execution);
      if (dataToo) {
        proofs.proven(image.image(), Proof.DATA, execution);
      }
    }
    leave();
  }

  private void leave() throws IOException {
    close();
    index++;
    checksums = -1;
    bytes = 0;
    damages = 0;
  }

  private ImageCheck check(VerifiedImage image) {
    ImageCheck opened = check;
    if (opened == null) {
      Path root = Path.of(image.repositoryPath());
      opened =
          new ImageCheck(Repository.diskFolder(root, image.vm(), image.diskId()), image.image());
      check = opened;
    }
    return opened;
  }

  @Override
  public void update(ExecutionContext context) {
    if (index < images.size()) {
      context.putInt(IMAGE, images.get(index).number());
      context.putLong(CHECKSUMS, checksums);
      context.putLong(BYTES, bytes);
      context.putInt(DAMAGES, damages);
      context.putString(EDITION, edition);
    }
  }

  @Override
  public void close() {
    ImageCheck opened = check;
    check = null;
    if (opened != null) {
      try {
        opened.close();
      } catch (IOException e) {
        throw new ItemStreamException(e.getMessage(), e);
      }
    }
  }
}
