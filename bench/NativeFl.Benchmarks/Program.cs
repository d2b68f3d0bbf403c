// dotnet run -c Release --project bench/NativeFl.Benchmarks -- --filter '*MatMul*'
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using NativeFl.Benchmarks;
using Perfolizer.Horology;

Job job = Job.Default
    .WithWarmupCount(2)
    .WithIterationCount(9)
    .WithIterationTime(TimeInterval.FromMilliseconds(200));
IConfig config = DefaultConfig.Instance.AddJob(job.AsDefault()).AddColumn(StatisticColumn.Median, new RateColumn());
BenchmarkSwitcher.FromAssembly(typeof(RateColumn).Assembly).Run(args, config);
