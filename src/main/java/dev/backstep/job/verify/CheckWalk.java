package dev.backstep.job.verify;

import dev.backstep.backup.RepositoryCheck;
import dev.backstep.catalog.CatalogContent;
import dev.backstep.catalog.RepositoryChecks;
import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.TaskRow;
import dev.backstep.catalog.Tasks;
import dev.backstep.job.CatalogCheck;
import dev.backstep.job.CheckedRepository;
import dev.backstep.job.RunningTasks;
import dev.backstep.job.TaskJob;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.infrastructure.item.Chunk;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.batch.infrastructure.item.ItemStreamException;
import org.springframework.batch.infrastructure.item.ItemStreamReader;
import org.springframework.batch.infrastructure.item.ItemWriter;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/**
 * Walks over a repository's images by id. An item is the number of the next one; writing it checks
 * as many as a short time allows and stores what was found in the chunk's transaction. The last
 * item is the look at the whole. A relaunch lists the images anew and goes on behind the last one.
 */
@Component
@StepScope
class CheckWalk implements ItemStreamReader<Integer>, ItemWriter<Integer> {

  /** Of one chunk. */
  private static final long PART_NANOS = 200_000_000;

  /** Keys in the step's execution context: the last image, its and the others' bytes, the end. */
  private static final String IMAGE = "image";

  private static final String BYTES = "bytes";
  private static final String DONE = "done";

  private final String id;
  private final Tasks tasks;
  private final RunningTasks running;
  private final TaskQueries queries;
  private final RepositoryChecks checks;
  private final CatalogCheck catalog;

  private @Nullable Repository repository;
  private List<DiskManifest> images = List.of();
  private int index;
  private boolean done;
  private String last = "";
  private long bytes;

  CheckWalk(
      @Value("#{jobParameters['" + TaskJob.PARAMETER + "']}") String id,
      Tasks tasks,
      RunningTasks running,
      TaskQueries queries,
      RepositoryChecks checks,
      CatalogContent catalog) {
    this.id = id;
    this.tasks = tasks;
    this.running = running;
    this.queries = queries;
    this.checks = checks;
    this.catalog = new CatalogCheck(catalog);
  }

  @Override
  public void open(ExecutionContext context) {
    TaskRow task = queries.find(id).orElseThrow();
    last = context.getString(IMAGE, "");
    bytes = context.getLong(BYTES, 0);
    done = context.getInt(DONE, 0) > 0;
    try {
      Repository opened = Repository.open(Path.of(task.settings()));
      repository = opened;
      images =
          new RepositoryCheck(opened)
              .images().stream().filter(image -> image.diskBackupId().compareTo(last) > 0).toList();
    } catch (IOException e) {
      throw new ItemStreamException(String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public @Nullable Integer read() {
    return done ? null : index;
  }

  @Override
  public void write(Chunk<? extends Integer> chunk) throws IOException, InterruptedException {
    running.lock(id);
    Repository opened = Objects.requireNonNull(repository);
    if (index < images.size()) {
      structures(new RepositoryCheck(opened));
    } else {
      CheckedRepository found = CheckedRepository.of(catalog.run(opened));
      checks.found(id, found.findings());
      checks.counted(id, found.restorePoints(), found.images());
      done = true;
    }
  }

  private void structures(RepositoryCheck check) throws IOException {
    long end = System.nanoTime() + PART_NANOS;
    do {
      DiskManifest image = images.get(index);
      checks.found(id, check.structure(image));
      last = image.diskBackupId();
      bytes += image.imageBytes();
      index++;
    } while (index < images.size() && System.nanoTime() < end);
    long left = images.stream().skip(index).mapToLong(DiskManifest::imageBytes).sum();
    tasks.progress(id, bytes, bytes + left);
  }

  @Override
  public void update(ExecutionContext context) {
    context.putString(IMAGE, last);
    context.putLong(BYTES, bytes);
    context.putInt(DONE, done ? 1 : 0);
  }
}
