package dev.backstep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.net.httpserver.HttpServer;
import dev.backstep.catalog.ProcessIdentity;
import dev.backstep.domain.Status;
import dev.backstep.job.OperatorException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A task of a server that does not always answer. */
class RemoteTaskTests {

  private static final String AWAY =
      "{\"kind\":\"unavailable\",\"detail\":\"the database does not answer\"}";
  private static final String NONE = "{\"kind\":\"not-found\",\"detail\":\"no such task\"}";

  private final AtomicInteger asked = new AtomicInteger();
  private HttpServer server;
  private volatile List<Integer> answers = List.of(200);

  @BeforeEach
  void serve() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          int status = answers.get(Math.min(asked.getAndIncrement(), answers.size() - 1));
          String text = status == 503 ? AWAY : status == 404 ? NONE : task();
          byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void end() {
    server.stop(0);
  }

  private static String task() {
    return """
    {"task_id":"restore-1","kind":"restore","subject":"x","status":"COMPLETED",
     "execution_id":null,"bytes_total":1,"bytes_done":1}
    """;
  }

  private RemoteTask task(ProcessIdentity process, Duration silenceMax) {
    String url = "http://127.0.0.1:" + server.getAddress().getPort();
    ServerNote note = new ServerNote(url, process, Optional.empty());
    return new RemoteTask(new RemoteClient(note, "token"), "restore-1", silenceMax);
  }

  @Test
  void serverThatDoesNotAnswerForAMomentIsAskedAgain() throws Exception {
    answers = List.of(503, 503, 200);
    RemoteTask task = task(ProcessIdentity.current(), Duration.ofMinutes(1));

    assertThat(task.await(Duration.ZERO)).isTrue();
    assertThat(task.state().status()).isEqualTo(Status.COMPLETED);
  }

  @Test
  void serverThatIsSilentForLongIsGivenUp() {
    answers = List.of(503);

    OperatorException lost =
        catchThrowableOfType(
            OperatorException.class, task(ProcessIdentity.current(), Duration.ZERO)::state);

    assertThat(lost).hasMessageContainingAll("the database does not", "show restore-1");
    assertThat(lost.kind()).isEqualTo(OperatorException.Kind.FAILED);
  }

  @Test
  void serverIsNotGivenUpWhileItWritesToWhatIsServedHere() {
    answers = List.of(503, 503, 200);
    RemoteTask task = task(ProcessIdentity.current(), Duration.ZERO);

    assertThat(RemoteTask.untilTheServerIsGone(task).state().status()).isEqualTo(Status.COMPLETED);
  }

  @Test
  void serverWhoseProcessIsGoneIsGivenUpAtOnce() {
    answers = List.of(503, 200);
    ProcessIdentity now = ProcessIdentity.current();
    RemoteTask task =
        task(new ProcessIdentity(now.host(), now.processId(), "0"), Duration.ofMinutes(1));

    assertThat(
            catchThrowableOfType(
                OperatorException.class, RemoteTask.untilTheServerIsGone(task)::state))
        .hasMessageContaining("show restore-1");
    assertThat(asked).hasValue(1);
  }

  @Test
  void whatTheServerRefusesIsNotAskedAgain() {
    answers = List.of(404, 200);

    assertThat(
            catchThrowableOfType(
                    OperatorException.class,
                    task(ProcessIdentity.current(), Duration.ofMinutes(1))::state)
                .kind())
        .isEqualTo(OperatorException.Kind.NOT_FOUND);
  }
}
