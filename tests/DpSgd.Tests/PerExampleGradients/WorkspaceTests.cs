using DpSgd.PerExampleGradients;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>Memory that is kept for a step is there again in the next one, whatever size is asked for then.</summary>
public class WorkspaceTests
{
    [Fact]
    public void What_is_kept_stays_within_the_budget_until_it_is_released()
    {
        using var scope = NewDisposeScope();
        using var workspace = new Workspace(budget: 1000);
        workspace.Keep(ScalarType.Float32, 10, 10)!.shape.Should().Equal(10, 10);
        workspace.Keep(ScalarType.Float32, 200).Should().BeNull("600 bytes are left");
        workspace.HasRoom(600).Should().BeTrue();
        workspace.HasRoom(601).Should().BeFalse();

        workspace.Release();
        workspace.Keep(ScalarType.Float32, 200)!.fill_(7).numel().Should().Be(200, "it grows");
        workspace.Release();
        workspace.Keep(ScalarType.Float32, 100)!.eq(7).all().ToBoolean().Should().BeTrue("it is the same memory");
    }
}
