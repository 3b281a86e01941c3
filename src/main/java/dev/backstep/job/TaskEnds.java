package dev.backstep.job;

import dev.backstep.catalog.TaskQueries;
import dev.backstep.catalog.Tasks;
import dev.backstep.domain.Status;
import java.util.Optional;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.stereotype.Component;

/** Notes how tasks end, and tells of it. Thread-safe. */
@Component
class TaskEnds {

  private final Tasks tasks;
  private final TaskQueries queries;
  private final ApplicationEventPublisher events;

  TaskEnds(Tasks tasks, TaskQueries queries, ApplicationEventPublisher events) {
    this.tasks = tasks;
    this.queries = queries;
    this.events = events;
  }

  /** As {@link Tasks#ended}. */
  boolean ended(String id, long leaseToken, Status status, Optional<String> error) {
    boolean ended = tasks.ended(id, leaseToken, status, error);
    if (ended) {
      queries.find(id).ifPresent(row -> events.publishEvent(new TaskEvent(row.kind(), status)));
    }
    return ended;
  }
}
