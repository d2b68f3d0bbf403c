using NUnit.Framework.Interfaces;

[assembly: NativeFl.Tests.SkipReport]

namespace NativeFl.Tests;

/// <summary>Prints why a test was skipped, so that a green run cannot be mistaken for a full one. The runner itself prints only the name.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class SkipReportAttribute : Attribute, ITestAction
{
    /// <inheritdoc/>
    public ActionTargets Targets => ActionTargets.Test;

    /// <inheritdoc/>
    public void BeforeTest(ITest test)
    {
    }

    /// <inheritdoc/>
    public void AfterTest(ITest test)
    {
        TestContext.ResultAdapter result = TestContext.CurrentContext.Result;

        // The runner shows the error stream as it comes, and hides the progress stream.
        if (result.Outcome.Status == TestStatus.Skipped) TestContext.Error.WriteLine($"{test.FullName} skipped: {result.Message}");
    }
}
