package dev.backstep.job.backup;

import dev.backstep.backup.CopyItem;
import java.io.IOException;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.infrastructure.item.Chunk;
import org.springframework.batch.infrastructure.item.ItemWriter;
import org.springframework.stereotype.Component;

/** Writes one disk's image; with the seal item it completes the disk backup. */
@Component
@StepScope
class DiskWriter implements ItemWriter<CopyItem> {

  private final DiskStep step;

  DiskWriter(DiskStep step) {
    this.step = step;
  }

  @Override
  public void write(Chunk<? extends CopyItem> chunk) throws IOException {
    step.write(chunk.getItems());
  }
}
