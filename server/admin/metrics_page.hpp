#pragma once
// MetricsPage: the samples of one scrape, grouped by name as the text format wants it. Owned by the
// request that is being answered.

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace hubkeep {

class MetricsPage {
  public:
    using Labels = std::vector<prometheus::ClientMetric::Label>;

    // A name is used with one help and one type; samples of one name differ in their labels. Of
    // counters the name ends with "_total".
    void gauge(const std::string& name, const std::string& help, double value, Labels labels = {});
    void counter(const std::string& name, const std::string& help, double value,
                 Labels labels = {});
    std::string text() const;

  private:
    prometheus::MetricFamily& family(const std::string& name, const std::string& help,
                                     prometheus::MetricType type);

    std::vector<prometheus::MetricFamily> families_;  // a few dozen
};

}  // namespace hubkeep
