// dotnet run -c Release --project bench/NativeFl.Benchmarks -- --filter '*MatMul*'
//
// With --native-aot every benchmark runs a second time as native code for x86-64-v3, which is what the nativefl binary is.
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Environments;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.NativeAot;
using NativeFl.Benchmarks;
using Perfolizer.Horology;

const string NativeAot = "--native-aot";
Job job = Job.Default
    .WithWarmupCount(2)
    .WithIterationCount(9)
    .WithIterationTime(TimeInterval.FromMilliseconds(200));
bool native = args.Contains(NativeAot);
IConfig config = DefaultConfig.Instance.AddColumn(StatisticColumn.Median, new RateColumn());
if (!native) config = config.AddJob(job.AsDefault());
else
{
    NativeAotToolchainBuilder builder = NativeAotToolchain.CreateBuilder().UseNuGet(Environment.Version.ToString(), "").IlcInstructionSet("x86-64-v3");
    builder.TargetFrameworkMoniker("net10.0");
    config = config.AddJob(job.WithId("JIT")).AddJob(job.WithId("NativeAOT").WithRuntime(NativeAotRuntime.Net10_0).WithToolchain(builder.ToToolchain()));
}

BenchmarkSwitcher.FromAssembly(typeof(RateColumn).Assembly).Run([.. args.Where(a => a != NativeAot)], config);
