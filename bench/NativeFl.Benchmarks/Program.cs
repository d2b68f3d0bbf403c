// dotnet run -c Release --project bench/NativeFl.Benchmarks -- --filter '*MatMul*'
//
// With --native-aot every benchmark runs a second time as native code for x86-64-v3, which is what the nativefl binary is.
//
// On a GPU (bench/gpu/run.sh runs all of these beside their peers):
//
//   gpu-train --case G1 [--warmup 10] [--steps 40]     whole training steps
//   gpu-merge [--warmup 3] [--steps 20]                FLoRA's merge
//   gpu-values [--at-once 16] [--coalitions N]         fine-tunings for Shapley's values, side by side
//   gpu-shapley [--blocks 65536]                       Shapley's values of games that the device computes
//   gpu-kernels [--filter '*Row*|*Head*']              single kernels, by BenchmarkDotNet in this process
//
//   gpu-report [--gate] DIR…                           the tables of what bench/gpu/run.sh left; bench/gpu/report.sh
//
// all but the last with [--cuda-libraries DIR] [--results FILE.jsonl] [--dtype f32] [--no-graphs] [--no-blas] [--wgmma] [--device cpu].
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Environments;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using BenchmarkDotNet.Toolchains.NativeAot;
using NativeFl.Benchmarks;
using NativeFl.Benchmarks.Gpu;
using Perfolizer.Horology;

const string NativeAot = "--native-aot";
Job job = Job.Default
    .WithWarmupCount(2)
    .WithIterationCount(9)
    .WithIterationTime(TimeInterval.FromMilliseconds(200));
IConfig config = DefaultConfig.Instance.AddColumn(StatisticColumn.Median, new RateColumn());
switch (args.FirstOrDefault())
{
    case "gpu-train":
        TrainingMeasurement.Run(args.AsSpan(1));
        return 0;
    case "gpu-merge":
        MergeMeasurement.Run(args.AsSpan(1));
        return 0;
    case "gpu-values":
        ValueMeasurement.Run(args.AsSpan(1));
        return 0;
    case "gpu-shapley":
        ShapleyMeasurement.Run(args.AsSpan(1));
        return 0;
    case "gpu-kernels":
        OpenedDevice.Keep(args[1..]);
        string[] filters = OpenedDevice.Arguments.Text("--filter", "*").Split('|');
        config = config.AddJob(job.WithToolchain(InProcessEmitToolchain.Instance)).AddExporter(new MeasurementExporter());
        BenchmarkSwitcher
            .FromTypes([typeof(RowBenchmarks), typeof(HeadBenchmarks), typeof(OptimiserBenchmarks), typeof(DecodedAttentionBenchmarks), typeof(LongAttentionBenchmarks)])
            .Run(["--filter", .. filters, "--join"], config);
        return 0;
    case "gpu-report":
        return ResultReport.Run(args.AsSpan(1), Console.Out, Console.Error);
}

if (!args.Contains(NativeAot)) config = config.AddJob(job.AsDefault());
else
{
    NativeAotToolchainBuilder builder = NativeAotToolchain.CreateBuilder().UseNuGet(Environment.Version.ToString(), "").IlcInstructionSet("x86-64-v3");
    builder.TargetFrameworkMoniker("net10.0");
    config = config.AddJob(job.WithId("JIT")).AddJob(job.WithId("NativeAOT").WithRuntime(NativeAotRuntime.Net10_0).WithToolchain(builder.ToToolchain()));
}

BenchmarkSwitcher.FromAssembly(typeof(RateColumn).Assembly).Run([.. args.Where(a => a != NativeAot)], config);
return 0;
