package dev.backstep.job.backup;

import dev.backstep.backup.CopyItem;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.springframework.batch.core.configuration.annotation.StepScope;
import org.springframework.batch.infrastructure.item.ExecutionContext;
import org.springframework.batch.infrastructure.item.ItemStreamException;
import org.springframework.batch.infrastructure.item.ItemStreamReader;
import org.springframework.stereotype.Component;

/** Reads one disk's changed clusters and, as the last item, its seal. */
@Component
@StepScope
class DiskReader implements ItemStreamReader<CopyItem> {

  private final DiskStep step;

  DiskReader(DiskStep step) {
    this.step = step;
  }

  @Override
  public void open(ExecutionContext context) {
    try {
      step.open(context);
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }

  @Override
  public @Nullable CopyItem read() throws IOException {
    return step.next();
  }

  @Override
  public void update(ExecutionContext context) {
    try {
      step.update(context);
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    try {
      step.close();
    } catch (IOException e) {
      throw new ItemStreamException(e.getMessage(), e);
    }
  }
}
