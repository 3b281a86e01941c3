package dev.backstep;

import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.security.autoconfigure.UserDetailsServiceAutoConfiguration;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Configuration;

/** What the server has beside {@link JobsConfiguration}: the web, Quartz, health and metrics. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration(exclude = UserDetailsServiceAutoConfiguration.class)
@ComponentScan(basePackages = {"dev.backstep.schedule", "dev.backstep.api", "dev.backstep.monitor"})
class ServerConfiguration {}
