package dev.backstep.job;

import dev.backstep.domain.SourceDefinition;
import dev.backstep.source.ChildProcess;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;

/** Opens the source that a job definition names. Thread-safe. */
@Component
public class Sources {

  private static final Logger log = LoggerFactory.getLogger(Sources.class);

  private final Map<String, SourceProvider> providers;
  private final JobSettings settings;

  Sources(List<SourceProvider> providers, JobSettings settings) {
    this.providers =
        providers.stream().collect(Collectors.toMap(SourceProvider::type, provider -> provider));
    this.settings = settings;
  }

  public VmSource open(SourceDefinition definition) throws SourceException {
    SourceProvider provider = providers.get(definition.type());
    if (provider == null) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          "source type "
              + definition.type()
              + ": this release has "
              + String.join(", ", new TreeMap<>(providers).keySet()));
    }
    try {
      Files.createDirectories(settings.runFolder());
    } catch (IOException e) {
      throw new SourceException(
          SourceException.Kind.FAILED, settings.runFolder() + ": cannot be made: " + e, e);
    }
    return provider.open(definition, settings.runFolder());
  }

  /** Ends child processes of processes that died. */
  public void endLeftovers() {
    try {
      ChildProcess.endLeftovers(settings.runFolder());
    } catch (IOException e) {
      log.warn("child processes of a process that died may still run: {}", e.getMessage());
    }
  }
}
