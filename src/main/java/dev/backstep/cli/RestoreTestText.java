package dev.backstep.cli;

import dev.backstep.catalog.RestoreTestRow;
import dev.backstep.catalog.TaskRow;
import dev.backstep.domain.TaskVerdict;
import dev.backstep.domain.TestVerdict;
import dev.backstep.job.BackupDocument;
import dev.backstep.job.OperatorException;
import dev.backstep.job.OperatorException.Kind;
import dev.backstep.job.RestoreTestDocument;
import java.util.Locale;

/** Prints what came of a restore test. */
record RestoreTestText(Session session, Engine engine) {

  /** Returns the exit code: failed when the restore point did not pass. */
  int print(TaskRow task) {
    RestoreTestRow test =
        engine
            .restoreTest(task.id())
            .orElseThrow(() -> OperatorException.notFound(task.id() + ": no such restore test"));
    session
        .terminal()
        .result(
            session.options().json()
                ? BackupDocument.text(RestoreTestDocument.fields(test))
                : word(test.outcome())
                    + "  "
                    + BackupText.printable(task.subject())
                    + test.detail().map(detail -> ": " + lines(detail)).orElse(""));
    return test.verdict() == TestVerdict.FAILED ? Kind.FAILED.exitCode() : 0;
  }

  private static String word(TaskVerdict verdict) {
    return verdict.text().toUpperCase(Locale.ROOT);
  }

  /** Line by line, so that nothing in one moves the cursor. */
  private static String lines(String detail) {
    return String.join(
        System.lineSeparator() + "    ", detail.lines().map(BackupText::printable).toList());
  }
}
